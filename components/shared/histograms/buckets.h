#pragma once
// Exponential histograms that come from outside, added up: points of any scale, offset and sign. One core at a time.
#include <cstdint>
#include <vector>

#include "otlp/model.h"

namespace weir::histograms {

struct Buckets {
  std::int32_t offset = 0;
  std::vector<std::uint64_t> counts;  // empty: no bucket at all

  static Buckets of(const otlp::DataPoint::Buckets& raw);
  // `halvings` steps to coarser buckets.
  void coarsen(std::uint32_t halvings);
  // Both at one scale.
  void add(const Buckets& other);
  std::uint64_t total() const;
  // Without the buckets at both ends that nothing is in.
  void trim();
};

// Buckets between the first and the last of both.
std::int64_t span(const Buckets& a, const Buckets& b);

struct ExponentialSum {
  std::int32_t scale = 0;
  std::uint64_t count = 0, zero_count = 0;
  double zero_threshold = 0, sum = 0, min = 0, max = 0;
  bool has_sum = false, has_min = false, has_max = false;
  Buckets positive, negative;

  static ExponentialSum of(const otlp::DataPoint& point);
  // At the coarser of both scales, and coarser still until each side has at most `max_size` buckets.
  void add(ExponentialSum other, std::uint32_t max_size = 160);
  // Coarser until each side has at most that many.
  void limit(std::uint32_t max_size);
  // Everything but attributes, times, flags and exemplars. The point's buckets are made anew.
  void write(Arena& arena, otlp::DataPoint& point) const;
};

}  // namespace weir::histograms
