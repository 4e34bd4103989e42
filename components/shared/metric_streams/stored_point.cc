#include "components/shared/metric_streams/stored_point.h"

#include <algorithm>
#include <cmath>

namespace weir::metric_streams {
namespace {

using histograms::Buckets;
using histograms::ExponentialSum;
using otlp::MetricType;
using otlp::NumberType;

bool is_number(MetricType type) { return type == MetricType::gauge || type == MetricType::sum; }

// At a scale that is not finer. Buckets of `b` that are not in `a`, or are more there: b is not part of a.
bool take_from(Buckets& a, const Buckets& b) {
  for (std::size_t i = 0; i < b.counts.size(); ++i) {
    if (b.counts[i] == 0) continue;
    std::int64_t at = std::int64_t{b.offset} + static_cast<std::int64_t>(i) - a.offset;
    if (at < 0 || at >= static_cast<std::int64_t>(a.counts.size()) || a.counts[static_cast<std::size_t>(at)] < b.counts[i]) return false;
    a.counts[static_cast<std::size_t>(at)] -= b.counts[i];
  }
  return true;
}

// `now` minus `before`; nothing when before is no part of it.
std::optional<ExponentialSum> difference(ExponentialSum now, ExponentialSum before) {
  if (now.scale > before.scale || now.zero_threshold < before.zero_threshold || now.count < before.count) return {};
  // Adding nothing of the same scale and threshold brings it to those.
  ExponentialSum shape{.scale = now.scale, .zero_threshold = now.zero_threshold, .has_sum = true};
  before.add(shape, UINT32_MAX);
  if (now.zero_count < before.zero_count) return {};
  if (!take_from(now.positive, before.positive) || !take_from(now.negative, before.negative)) return {};
  now.positive.trim();
  now.negative.trim();
  now.count -= before.count;
  now.zero_count -= before.zero_count;
  now.sum -= before.sum;
  return now;
}

}  // namespace

StoredPoint StoredPoint::of(MetricType type, const otlp::DataPoint& p) {
  StoredPoint out{.start = p.start_time_unix_nano, .time = p.time_unix_nano, .type = p.type, .integer = p.integer, .real = p.real, .parts = nullptr};
  if (is_number(type)) return out;
  out.parts = std::make_unique<Parts>();
  if (type == MetricType::exponential_histogram) {
    out.parts->sum = ExponentialSum::of(p);
    return out;
  }
  out.parts->bounds.assign(p.explicit_bounds.begin(), p.explicit_bounds.end());
  out.parts->counts.assign(p.bucket_counts.begin(), p.bucket_counts.end());
  auto& sum = out.parts->sum;
  sum.count = p.count;
  sum.sum = p.sum;
  sum.min = p.min;
  sum.max = p.max;
  sum.has_sum = p.has_sum || type == MetricType::summary;
  sum.has_min = p.has_min;
  sum.has_max = p.has_max;
  return out;
}

void StoredPoint::write(MetricType kind, Arena& arena, otlp::DataPoint& p) const {
  p.start_time_unix_nano = start;
  p.time_unix_nano = time;
  if (is_number(kind)) {
    p.type = type;
    p.integer = integer;
    p.real = real;
    return;
  }
  if (kind == MetricType::exponential_histogram) return parts->sum.write(arena, p);
  p.count = parts->sum.count;
  p.sum = parts->sum.sum;
  if (kind == MetricType::summary) return;
  p.has_sum = parts->sum.has_sum;
  p.has_min = parts->sum.has_min;
  p.has_max = parts->sum.has_max;
  p.min = parts->sum.min;
  p.max = parts->sum.max;
  p.explicit_bounds = {};
  p.bucket_counts = {};
  for (double b : parts->bounds) p.explicit_bounds.push_back(arena, b);
  for (auto n : parts->counts) p.bucket_counts.push_back(arena, n);
}

StoredPoint StoredPoint::copy() const {
  return {start, time, type, integer, real, parts ? std::make_unique<Parts>(*parts) : nullptr};
}

std::size_t StoredPoint::bytes() const {
  if (!parts) return 0;
  return sizeof(Parts) + 8 * (parts->bounds.capacity() + parts->counts.capacity() + parts->sum.positive.counts.capacity() + parts->sum.negative.counts.capacity());
}

void add(StoredPoint& state, const StoredPoint& point, MetricType type) {
  state.time = point.time;
  if (is_number(type)) {
    if (point.type == NumberType::none) return;
    bool both_whole = state.type == NumberType::integer && point.type == NumberType::integer;
    if (both_whole) {
      state.integer = static_cast<std::int64_t>(static_cast<std::uint64_t>(state.integer) + static_cast<std::uint64_t>(point.integer));
      return;
    }
    auto real = [](const StoredPoint& p) { return p.type == NumberType::integer ? static_cast<double>(p.integer) : p.real; };
    state.real = real(state) + real(point);
    state.type = NumberType::real;
    return;
  }
  StoredPoint::Parts &to = *state.parts, &from = *point.parts;
  if (type == MetricType::exponential_histogram) {
    bool minimum = to.sum.has_min && from.sum.has_min, maximum = to.sum.has_max && from.sum.has_max;
    to.sum.add(from.sum);
    to.sum.has_min = minimum;
    to.sum.has_max = maximum;
    return;
  }
  if (to.bounds != from.bounds) {
    to = from;
    state.start = point.start;
    return;
  }
  for (std::size_t i = 0; i < std::min(to.counts.size(), from.counts.size()); ++i) to.counts[i] += from.counts[i];
  to.sum.count += from.sum.count;
  to.sum.has_sum = to.sum.has_sum && from.sum.has_sum;
  to.sum.has_min = to.sum.has_min && from.sum.has_min;
  to.sum.has_max = to.sum.has_max && from.sum.has_max;
  to.sum.sum = to.sum.has_sum ? to.sum.sum + from.sum.sum : 0;
  to.sum.min = to.sum.has_min ? std::min(to.sum.min, from.sum.min) : 0;
  to.sum.max = to.sum.has_max ? std::max(to.sum.max, from.sum.max) : 0;
}

bool is_reset(const StoredPoint& before, const StoredPoint& now, MetricType type) {
  if (is_number(type)) {
    if (before.type != now.type) return true;
    return now.type == NumberType::integer ? now.integer < before.integer : now.real < before.real;
  }
  auto &a = *before.parts, &b = *now.parts;
  if (b.sum.count < a.sum.count) return true;
  if (type == MetricType::summary) return b.sum.count != 0 && b.sum.sum < a.sum.sum;
  if (type == MetricType::exponential_histogram) return !difference(b.sum, a.sum);
  if (a.bounds != b.bounds || a.counts.size() != b.counts.size()) return true;
  for (std::size_t i = 0; i < a.counts.size(); ++i)
    if (b.counts[i] < a.counts[i]) return true;
  return false;
}

bool subtract(StoredPoint& now, const StoredPoint& before, MetricType type) {
  if (is_number(type)) {
    if (now.type == NumberType::integer)
      now.integer = static_cast<std::int64_t>(static_cast<std::uint64_t>(now.integer) - static_cast<std::uint64_t>(before.integer));
    else
      now.real -= before.real;
    return true;
  }
  auto &to = *now.parts, &from = *before.parts;
  if (type == MetricType::exponential_histogram) {
    auto left = difference(to.sum, from.sum);
    if (left) to.sum = std::move(*left);
    return left.has_value();
  }
  if (to.bounds != from.bounds || to.counts.size() != from.counts.size()) return false;
  for (std::size_t i = 0; i < to.counts.size(); ++i) to.counts[i] -= from.counts[i];
  to.sum.count -= from.sum.count;
  to.sum.sum -= from.sum.sum;
  return true;
}

}  // namespace weir::metric_streams
