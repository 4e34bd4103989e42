#include "components/connectors/spanmetrics/exponential.h"

#include <bit>
#include <cmath>
#include <limits>

namespace weir::connectors::spanmetrics {
namespace {

constexpr std::int32_t max_scale = 20, default_size = 160, least_size = 2, most_size = 16384;

std::int32_t exponent_of(double value) {
  return static_cast<std::int32_t>(std::bit_cast<std::uint64_t>(value) >> 52 & 0x7FF) - 1023;
}
bool is_power_of_two(double value) { return (std::bit_cast<std::uint64_t>(value) & ((std::uint64_t{1} << 52) - 1)) == 0; }

// The bucket (base^i, base^(i+1)] that holds the value; base = 2^(2^-scale).
std::int32_t bucket_of(double value, std::int32_t scale) {
  value = std::max(value, std::numeric_limits<double>::min());
  if (scale <= 0) return (exponent_of(value) - (is_power_of_two(value) ? 1 : 0)) >> -scale;
  if (is_power_of_two(value)) return (exponent_of(value) << scale) - 1;
  return static_cast<std::int32_t>(std::floor(std::log(value) * std::ldexp(1.4426950408889634, scale)));
}

}  // namespace

Exponential::Exponential(std::int32_t max_size)
    : max_size_(max_size <= 0 ? default_size : std::clamp(max_size, least_size, most_size)), scale_(max_scale) {}

void Exponential::clear() { *this = Exponential(max_size_); }

void Exponential::record(double value, std::uint64_t times) {
  min_ = count_ == 0 ? value : std::min(min_, value);
  max_ = count_ == 0 ? value : std::max(max_, value);
  count_ += times;
  if (value == 0) {
    zero_count_ += times;
    return;
  }
  sum_ += value * static_cast<double>(times);
  std::int32_t at = bucket_of(value, scale_);
  if (counts_.empty()) {
    start_ = at;
    counts_.push_back(times);
    return;
  }
  std::int32_t low = std::min(at, start_), high = std::max(at, start_ + static_cast<std::int32_t>(counts_.size()) - 1);
  std::int32_t change = 0;
  for (; high - low >= max_size_; ++change) low >>= 1, high >>= 1;
  if (change) {
    downscale(change);
    at = bucket_of(value, scale_);
  }
  if (at < start_) {
    counts_.insert(counts_.begin(), static_cast<std::size_t>(start_ - at), 0);
    start_ = at;
  }
  auto index = static_cast<std::size_t>(at - start_);
  if (index >= counts_.size()) counts_.resize(index + 1);
  counts_[index] += times;
}

// Joins 2^by buckets to one.
void Exponential::downscale(std::int32_t by) {
  std::int32_t start = start_ >> by;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    auto to = static_cast<std::size_t>(((start_ + static_cast<std::int32_t>(i)) >> by) - start);
    std::uint64_t moved = std::exchange(counts_[i], 0);
    counts_[to] += moved;
  }
  std::int32_t end = (start_ + static_cast<std::int32_t>(counts_.size()) - 1) >> by;
  counts_.resize(static_cast<std::size_t>(end - start) + 1);
  start_ = start;
  scale_ -= by;
}

}  // namespace weir::connectors::spanmetrics
