#include "components/shared/histograms/exponential.h"

#include <bit>
#include <cmath>
#include <numbers>

namespace weir::histograms {
namespace {

constexpr std::int32_t exponent_bias = 1023, significand_bits = 52;

std::int32_t exponent_of(double value) {
  return static_cast<std::int32_t>(std::bit_cast<std::uint64_t>(value) >> significand_bits & 0x7FF) - exponent_bias;
}
bool power_of_two(double value) { return (std::bit_cast<std::uint64_t>(value) & ((std::uint64_t{1} << significand_bits) - 1)) == 0; }

}  // namespace

Exponential::Exponential(std::uint32_t size) : size_(size == 0 ? standard_size : std::clamp(size, min_size, max_size)) {}

std::int32_t Exponential::index(double value, std::int32_t scale) {
  constexpr double least = 0x1p-1022;  // smaller ones are counted with it
  std::int32_t whole = value <= least ? -1023 : exponent_of(value) - (power_of_two(value) ? 1 : 0);
  if (scale <= 0) return whole >> -scale;
  if (value <= least || power_of_two(value)) return (whole + 1) * (1 << scale) - 1;
  double at = std::floor(std::log(value) * std::ldexp(std::numbers::log2e, scale));
  return static_cast<std::int32_t>(std::min(at, std::ldexp(1024, scale) - 1));
}

void Exponential::add(double value, std::uint64_t times) {
  if (times == 0 || std::isnan(value)) return;
  value = std::clamp(value, 0.0, std::numeric_limits<double>::max());
  min_ = count_ == 0 ? value : std::min(min_, value);
  max_ = count_ == 0 ? value : std::max(max_, value);
  count_ += times;
  if (value == 0) {
    zero_count_ += times;
    return;
  }
  sum_ += value * static_cast<double>(times);
  std::int32_t at = index(value, scale_);
  if (!buckets_.empty())
    if (std::int32_t change = change_for(std::min(at, offset_), std::max(at, last()))) {
      coarsen(change);
      at = index(value, scale_);
    }
  add_at(at, times);
}

void Exponential::add_at(std::int32_t at, std::uint64_t times) {
  if (buckets_.empty()) offset_ = at;
  if (at < offset_) {
    buckets_.insert(buckets_.begin(), static_cast<std::size_t>(offset_ - at), 0);
    offset_ = at;
  }
  auto place = static_cast<std::size_t>(at - offset_);
  if (place >= buckets_.size()) buckets_.resize(place + 1);
  buckets_[place] += times;
}

std::int32_t Exponential::change_for(std::int32_t low, std::int32_t high) const {
  std::int32_t change = 0;
  for (; static_cast<std::int64_t>(high) - low >= size_; ++change) low >>= 1, high >>= 1;
  return change;
}

void Exponential::coarsen(std::int32_t change) {
  std::vector<std::uint64_t> fine = std::exchange(buckets_, {});
  std::int32_t first = offset_;
  scale_ -= change;
  for (std::size_t i = 0; i < fine.size(); ++i)
    if (fine[i]) add_at((first + static_cast<std::int32_t>(i)) >> change, fine[i]);
}

void Exponential::coarsen_to(std::int32_t scale) {
  if (scale_ > scale) coarsen(scale_ - scale);
}

void Exponential::merge(const Exponential& other) {
  if (other.count_ == 0) return;
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = count_ == 0 ? other.max_ : std::max(max_, other.max_);
  count_ += other.count_, zero_count_ += other.zero_count_, sum_ += other.sum_;
  if (other.buckets_.empty()) return;
  if (buckets_.empty()) scale_ = other.scale_;
  std::int32_t common = std::min(scale_, other.scale_);
  std::int32_t low = other.offset_ >> (other.scale_ - common), high = other.last() >> (other.scale_ - common);
  if (!buckets_.empty()) {
    low = std::min(low, offset_ >> (scale_ - common));
    high = std::max(high, last() >> (scale_ - common));
  }
  common -= change_for(low, high);
  if (scale_ > common) coarsen(scale_ - common);
  for (std::size_t i = 0; i < other.buckets_.size(); ++i)
    if (other.buckets_[i]) add_at((other.offset_ + static_cast<std::int32_t>(i)) >> (other.scale_ - common), other.buckets_[i]);
}

void Exponential::pack(Packer& out) const {
  out.number(size_), out.number(scale_), out.number(offset_);
  out.number(count_), out.number(zero_count_);
  out.number(sum_), out.number(min_), out.number(max_);
  out.numbers(buckets_);
}

std::optional<Exponential> Exponential::unpack(Unpacker& in) {
  auto size = in.number<std::uint32_t>();
  Exponential out(size);
  out.scale_ = in.number<std::int32_t>(), out.offset_ = in.number<std::int32_t>();
  out.count_ = in.number<std::uint64_t>(), out.zero_count_ = in.number<std::uint64_t>();
  out.sum_ = in.number<double>(), out.min_ = in.number<double>(), out.max_ = in.number<double>();
  out.buckets_ = in.numbers<std::uint64_t>();
  bool whole = in.ok() && out.size_ == size && out.buckets_.size() <= out.size_ && out.scale_ >= min_scale && out.scale_ <= max_scale &&
               std::abs(std::int64_t{out.offset_}) < std::int64_t{1} << 30 &&
               (out.buckets_.empty() || (out.buckets_.front() != 0 && out.buckets_.back() != 0));
  if (!whole) return std::nullopt;
  return out;
}

void Exponential::write(Arena& arena, otlp::DataPoint& point) const {
  point.count = count_;
  point.has_sum = true, point.sum = sum_;
  point.has_min = point.has_max = count_ != 0;
  point.min = min_, point.max = max_;
  point.scale = scale();
  point.zero_count = zero_count_;
  if (buckets_.empty()) return;
  point.positive.present = true;
  point.positive.offset = offset_;
  point.positive.counts.reserve(arena, buckets_.size());
  for (std::uint64_t n : buckets_) point.positive.counts.push_back(arena, n);
}

}  // namespace weir::histograms
