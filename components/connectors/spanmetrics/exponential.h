#pragma once
#include <cstdint>
#include <vector>

namespace weir::connectors::spanmetrics {

// An exponential histogram of values that are not negative, at most `max_size` buckets: the finest scale at which the
// values seen fit. Same buckets and scales as the OpenTelemetry SDKs.
class Exponential {
 public:
  explicit Exponential(std::int32_t max_size);

  void record(double value, std::uint64_t times);
  void clear();

  std::uint64_t count() const { return count_; }
  std::uint64_t zero_count() const { return zero_count_; }
  double sum() const { return sum_; }
  double min() const { return min_; }
  double max() const { return max_; }
  // Zero when only zeros were seen.
  std::int32_t scale() const { return counts_.empty() ? 0 : scale_; }
  std::int32_t offset() const { return start_; }
  const std::vector<std::uint64_t>& counts() const { return counts_; }
  // What it can come to take, itself included.
  std::size_t most_bytes() const { return sizeof(*this) + static_cast<std::size_t>(max_size_) * sizeof(std::uint64_t); }

 private:
  void downscale(std::int32_t by);

  std::int32_t max_size_, scale_, start_ = 0;
  std::vector<std::uint64_t> counts_;  // of buckets start_, start_ + 1, ...
  std::uint64_t count_ = 0, zero_count_ = 0;
  double sum_ = 0, min_ = 0, max_ = 0;
};

}  // namespace weir::connectors::spanmetrics
