#pragma once
// Native histograms: buckets as spans and differences, made of OTLP's histograms.
#include <vector>

#include "base/result.h"
#include "otlp/model.h"

namespace weir::prometheus {

inline constexpr std::int32_t min_native_schema = -4, max_native_schema = 8, custom_buckets_schema = -53;
inline constexpr double standard_zero_threshold = 1e-128;

struct NativeSpan {
  std::int32_t offset = 0;  // of the first from zero, of others from the end of the one before
  std::uint32_t length = 0;
};

struct NativeBuckets {
  std::vector<NativeSpan> spans;
  std::vector<std::int64_t> deltas;

  // The next bucket that is not empty; indices rise.
  void add(std::int64_t index, std::uint64_t count);

 private:
  std::int64_t next_ = 0;
  std::int64_t before_ = 0;
};

struct NativeHistogram {
  std::int32_t schema = 0;
  std::uint64_t count = 0, zero_count = 0;
  double sum = 0, zero_threshold = 0;
  NativeBuckets positive, negative;
  std::vector<double> custom_bounds;  // with custom_buckets_schema
};

// Scales above 8 are made coarser. `invalid` below -4.
Result<NativeHistogram> to_native(const otlp::DataPoint& exponential);
// Explicit buckets as custom ones. `invalid` when bounds do not rise.
Result<NativeHistogram> to_custom_buckets(const otlp::DataPoint& histogram);

// Back: counts of `buckets` by index, as far as there are at most `max` of them; `invalid` otherwise, and for what is inconsistent.
struct NativeRange {
  std::int32_t offset = 0;
  std::vector<std::uint64_t> counts;
};
Result<NativeRange> to_range(std::span<const NativeSpan> spans, std::span<const std::uint64_t> counts, std::size_t max);

}  // namespace weir::prometheus
