#pragma once
// Exponential histogram of values that are not negative, with the scale chosen by what it has seen: the finest at which
// all buckets fit. One core at a time.
#include <cstdint>
#include <optional>
#include <vector>

#include "base/pack.h"
#include "otlp/model.h"

namespace weir::histograms {

class Exponential {
 public:
  static constexpr std::int32_t max_scale = 20, min_scale = -10;
  static constexpr std::uint32_t min_size = 2, standard_size = 160, max_size = 16'384;

  // 0 is the standard size; others are brought into [min_size, max_size].
  explicit Exponential(std::uint32_t size = 0);

  void add(double value, std::uint64_t times = 1);
  // As if every value of `other` had been added here.
  void merge(const Exponential& other);
  // Buckets as wide as those of that scale, if its own are narrower.
  void coarsen_to(std::int32_t scale);
  // What it holds, for a file, and back: nullopt when that cannot be.
  void pack(Packer& out) const;
  static std::optional<Exponential> unpack(Unpacker& in);
  // Count, sum, minimum, maximum, scale and buckets; nothing else of the point is touched.
  void write(Arena& arena, otlp::DataPoint& point) const;

  std::uint64_t count() const { return count_; }
  double sum() const { return sum_; }
  double min() const { return min_; }
  double max() const { return max_; }
  // The most buckets it may have.
  std::uint32_t size() const { return size_; }
  // 0 while all values were zero.
  std::int32_t scale() const { return buckets_.empty() ? 0 : scale_; }
  std::uint64_t zero_count() const { return zero_count_; }
  // Index of the first bucket.
  std::int32_t offset() const { return offset_; }
  const std::vector<std::uint64_t>& buckets() const { return buckets_; }

  // The bucket a positive value falls into: base^index < value <= base^(index+1), base = 2^(2^-scale).
  static std::int32_t index(double value, std::int32_t scale);

 private:
  void add_at(std::int32_t index, std::uint64_t times);
  // Halvings of the scale until both buckets fit.
  std::int32_t change_for(std::int32_t low, std::int32_t high) const;
  void coarsen(std::int32_t change);
  std::int32_t last() const { return offset_ + static_cast<std::int32_t>(buckets_.size()) - 1; }

  std::uint32_t size_;
  std::int32_t scale_ = max_scale;
  std::int32_t offset_ = 0;
  std::uint64_t count_ = 0, zero_count_ = 0;
  double sum_ = 0, min_ = 0, max_ = 0;
  std::vector<std::uint64_t> buckets_;  // first and last are never zero
};

}  // namespace weir::histograms
