#include "components/shared/histograms/buckets.h"

#include <algorithm>
#include <cmath>

namespace weir::histograms {
namespace {

// Arithmetic shift that may be longer than the number.
std::int64_t halved(std::int64_t index, std::uint32_t halvings) { return index >> std::min<std::uint32_t>(halvings, 62); }

std::int64_t last(const Buckets& b) { return std::int64_t{b.offset} + static_cast<std::int64_t>(b.counts.size()) - 1; }

// Of the bucket that is number n of these.
double upper_bound(const Buckets& buckets, std::int32_t scale, std::size_t n) {
  return std::exp2(std::ldexp(static_cast<double>(buckets.offset) + static_cast<double>(n) + 1, -scale));
}

// The threshold, or the upper bound of the bucket that it would cut if something is in there.
double beside_buckets(const Buckets& buckets, std::int32_t scale, double threshold) {
  std::size_t n = 0;
  while (n < buckets.counts.size() && upper_bound(buckets, scale, n) <= threshold) ++n;
  if (n == buckets.counts.size() || buckets.counts[n] == 0) return threshold;
  double lower = std::exp2(std::ldexp(static_cast<double>(buckets.offset) + static_cast<double>(n), -scale));
  return lower < threshold ? upper_bound(buckets, scale, n) : threshold;
}

// Moves what lies at or below the threshold out of the buckets; returns its count.
std::uint64_t take_below(Buckets& buckets, std::int32_t scale, double threshold) {
  std::size_t n = 0;
  std::uint64_t moved = 0;
  for (; n < buckets.counts.size(); ++n) {
    if (upper_bound(buckets, scale, n) > threshold) break;
    moved += buckets.counts[n];
  }
  buckets.counts.erase(buckets.counts.begin(), buckets.counts.begin() + static_cast<std::ptrdiff_t>(n));
  buckets.offset = buckets.counts.empty() ? 0 : buckets.offset + static_cast<std::int32_t>(n);
  return moved;
}

std::uint32_t halvings_for(std::int64_t first, std::int64_t end, std::uint32_t max_size) {
  std::uint32_t n = 0;
  while (halved(end, n) - halved(first, n) + 1 > max_size) ++n;
  return n;
}

std::uint32_t halvings_for(const Buckets& a, const Buckets& b, std::uint32_t max_size) {
  if (a.counts.empty() && b.counts.empty()) return 0;
  auto& first = a.counts.empty() ? b : a;
  auto& second = b.counts.empty() ? a : b;
  return halvings_for(std::min(first.offset, second.offset), std::max(last(first), last(second)), max_size);
}

// Both of one scale. Buckets cannot be cut, so the wider zero bucket ends where one of them does.
void widen_zero(ExponentialSum& a, ExponentialSum& b) {
  double threshold = std::max(a.zero_threshold, b.zero_threshold);
  for (ExponentialSum* h : {&a, &b})
    for (Buckets* side : {&h->positive, &h->negative}) threshold = beside_buckets(*side, h->scale, threshold);
  for (ExponentialSum* h : {&a, &b}) {
    h->zero_count += take_below(h->positive, h->scale, threshold) + take_below(h->negative, h->scale, threshold);
    h->zero_threshold = threshold;
  }
}

template <class Pick>
void join(bool& has, double& value, bool other_has, double other, Pick pick) {
  if (other_has) value = has ? pick(value, other) : other;
  has = has || other_has;
}

void write_buckets(Arena& arena, const Buckets& from, otlp::DataPoint::Buckets& to) {
  to = {.offset = from.offset, .present = !from.counts.empty()};
  to.counts.reserve(arena, from.counts.size());
  for (std::uint64_t n : from.counts) to.counts.push_back(arena, n);
}

}  // namespace

Buckets Buckets::of(const otlp::DataPoint::Buckets& raw) {
  // Empty buckets at both ends say nothing.
  std::size_t first = 0, end = raw.counts.size();
  while (first < end && raw.counts[first] == 0) ++first;
  while (end > first && raw.counts[end - 1] == 0) --end;
  if (first == end) return {};
  std::int64_t offset = std::int64_t{raw.offset} + static_cast<std::int64_t>(first);
  auto limited = static_cast<std::int32_t>(std::clamp<std::int64_t>(offset, INT32_MIN / 2, INT32_MAX / 2));
  return {limited, {raw.counts.begin() + first, raw.counts.begin() + end}};
}

void Buckets::coarsen(std::uint32_t halvings) {
  if (halvings == 0 || counts.empty()) return;
  std::int64_t first = halved(offset, halvings), end = halved(last(*this), halvings);
  std::vector<std::uint64_t> out(static_cast<std::size_t>(end - first + 1));
  for (std::size_t i = 0; i < counts.size(); ++i)
    out[static_cast<std::size_t>(halved(std::int64_t{offset} + static_cast<std::int64_t>(i), halvings) - first)] += counts[i];
  offset = static_cast<std::int32_t>(first);
  counts = std::move(out);
}

void Buckets::add(const Buckets& other) {
  if (other.counts.empty()) return;
  if (counts.empty()) {
    *this = other;
    return;
  }
  if (other.offset < offset) {
    counts.insert(counts.begin(), static_cast<std::size_t>(std::int64_t{offset} - other.offset), 0);
    offset = other.offset;
  }
  auto at = static_cast<std::size_t>(std::int64_t{other.offset} - offset);
  if (counts.size() < at + other.counts.size()) counts.resize(at + other.counts.size());
  for (std::size_t i = 0; i < other.counts.size(); ++i) counts[at + i] += other.counts[i];
}

std::uint64_t Buckets::total() const {
  std::uint64_t out = 0;
  for (std::uint64_t n : counts) out += n;
  return out;
}

void Buckets::trim() {
  while (!counts.empty() && counts.back() == 0) counts.pop_back();
  auto used = std::find_if(counts.begin(), counts.end(), [](std::uint64_t n) { return n != 0; });
  offset = counts.empty() ? 0 : offset + static_cast<std::int32_t>(used - counts.begin());
  counts.erase(counts.begin(), used);
}

std::int64_t span(const Buckets& a, const Buckets& b) {
  if (a.counts.empty()) return static_cast<std::int64_t>(b.counts.size());
  if (b.counts.empty()) return static_cast<std::int64_t>(a.counts.size());
  return std::max(last(a), last(b)) - std::min(a.offset, b.offset) + 1;
}

ExponentialSum ExponentialSum::of(const otlp::DataPoint& p) {
  return {.scale = std::clamp(p.scale, -32, 32),
          .count = p.count,
          .zero_count = p.zero_count,
          .zero_threshold = p.zero_threshold,
          .sum = p.sum,
          .min = p.min,
          .max = p.max,
          .has_sum = p.has_sum,
          .has_min = p.has_min,
          .has_max = p.has_max,
          .positive = Buckets::of(p.positive),
          .negative = Buckets::of(p.negative)};
}

void ExponentialSum::limit(std::uint32_t max_size) {
  std::uint32_t n = std::max(halvings_for(positive, {}, max_size), halvings_for(negative, {}, max_size));
  positive.coarsen(n);
  negative.coarsen(n);
  scale -= static_cast<std::int32_t>(n);
}

void ExponentialSum::add(ExponentialSum other, std::uint32_t max_size) {
  auto to_scale = [](ExponentialSum& h, std::int32_t wanted) {
    auto n = static_cast<std::uint32_t>(h.scale - wanted);
    h.positive.coarsen(n);
    h.negative.coarsen(n);
    h.scale = wanted;
  };
  std::int32_t common = std::min(scale, other.scale);
  to_scale(*this, common);
  to_scale(other, common);
  if (zero_threshold != other.zero_threshold) widen_zero(*this, other);
  std::uint32_t n = std::max(halvings_for(positive, other.positive, max_size), halvings_for(negative, other.negative, max_size));
  to_scale(*this, common - static_cast<std::int32_t>(n));
  to_scale(other, common - static_cast<std::int32_t>(n));
  positive.add(other.positive);
  negative.add(other.negative);
  count += other.count;
  zero_count += other.zero_count;
  has_sum = has_sum && other.has_sum;
  sum = has_sum ? sum + other.sum : 0;
  join(has_min, min, other.has_min, other.min, [](double a, double b) { return std::min(a, b); });
  join(has_max, max, other.has_max, other.max, [](double a, double b) { return std::max(a, b); });
}

void ExponentialSum::write(Arena& arena, otlp::DataPoint& point) const {
  point.scale = scale;
  point.count = count;
  point.zero_count = zero_count;
  point.zero_threshold = zero_threshold;
  point.sum = sum;
  point.min = min;
  point.max = max;
  point.has_sum = has_sum;
  point.has_min = has_min;
  point.has_max = has_max;
  write_buckets(arena, positive, point.positive);
  write_buckets(arena, negative, point.negative);
}

}  // namespace weir::histograms
