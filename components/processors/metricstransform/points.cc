#include "components/processors/metricstransform/points.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/number.h"
#include "components/shared/histograms/buckets.h"

namespace weir::processors::metricstransform {
namespace {

using otlp::DataPoint;
using otlp::Metric;
using otlp::MetricType;
using otlp::NumberType;

bool is_number(const Metric& m) { return m.type == MetricType::gauge || m.type == MetricType::sum; }

// Equal for points that become one.
std::string key_of(const Metric& metric, const DataPoint& p) {
  std::vector<const otlp::KeyValue*> sorted;
  for (auto& kv : p.attributes) sorted.push_back(&kv);
  std::ranges::stable_sort(sorted, {}, &otlp::KeyValue::key);
  std::string out = fmt::format("{}", p.time_unix_nano);
  auto add = [&](std::string_view text) { out += fmt::format("\x1f{}\x1f{}", text.size(), text); };
  for (auto* kv : sorted) {
    add(kv->key);
    out += static_cast<char>('a' + static_cast<int>(kv->value.type));
    add(otlp::to_text(kv->value));
  }
  if (metric.temporality == otlp::Temporality::delta) out += fmt::format("\x1es{}", p.start_time_unix_nano);
  if (metric.type == MetricType::histogram)
    for (double b : p.explicit_bounds) out += fmt::format("\x1e{}", b);
  if (!is_number(metric)) out += fmt::format("\x1e{}{}{}", p.has_min, p.has_max, p.flags);
  return out;
}

double real_of(const DataPoint& p) { return p.type == NumberType::integer ? static_cast<double>(p.integer) : p.real; }
std::int64_t whole_of(const DataPoint& p) { return p.type == NumberType::integer ? p.integer : go_int_of(p.real); }
std::int64_t sum_of(std::int64_t a, std::int64_t b) { return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b)); }

// A total order: numbers that are none come first.
bool before(std::int64_t a, std::int64_t b) { return a < b; }
bool before(double a, double b) { return a < b || (std::isnan(a) && !std::isnan(b)); }
bool is_none(std::int64_t) { return false; }
bool is_none(double value) { return std::isnan(value); }

// A value that is no number makes the least and the greatest none too.
template <class T>
T extreme(const std::vector<T>& values, bool greatest) {
  T out = values[0];
  for (T value : values) {
    if (is_none(value)) return value;
    if (greatest ? out < value : value < out) out = value;
  }
  return out;
}

template <class T, class Add>
T aggregate(std::vector<T> values, Aggregation how, Add add) {
  auto n = static_cast<T>(values.size());
  switch (how) {
    case Aggregation::none: return values[0];
    case Aggregation::sum:
    case Aggregation::mean: {
      T sum = values[0];
      for (std::size_t i = 1; i < values.size(); ++i) sum = add(sum, values[i]);
      return how == Aggregation::sum ? sum : sum / n;
    }
    case Aggregation::min: return extreme(values, false);
    case Aggregation::max: return extreme(values, true);
    case Aggregation::count: return values.size() == 1 ? values[0] : n;
    case Aggregation::median: {
      std::ranges::sort(values, [](T a, T b) { return before(a, b); });
      std::size_t middle = values.size() / 2;
      return values.size() % 2 ? values[middle] : add(values[middle - 1], values[middle]) / 2;
    }
  }
  return values[0];
}

void join_numbers(DataPoint& to, std::span<const DataPoint* const> points, Aggregation how) {
  if (to.type == NumberType::integer) {
    std::vector<std::int64_t> values;
    for (auto* p : points) values.push_back(whole_of(*p));
    to.integer = aggregate(std::move(values), how, sum_of);
  } else {
    std::vector<double> values;
    for (auto* p : points) values.push_back(real_of(*p));
    to.real = aggregate(std::move(values), how, [](double a, double b) { return a + b; });
  }
}

void join_histogram(DataPoint& to, const DataPoint& from) {
  to.count += from.count;
  to.sum += from.sum;
  if (to.has_min) to.min = std::min(to.min, from.min);
  if (to.has_max) to.max = std::max(to.max, from.max);
  for (std::size_t i = 0; i < std::min(to.bucket_counts.size(), from.bucket_counts.size()); ++i) to.bucket_counts[i] += from.bucket_counts[i];
}

void join_exponential(DataPoint& to, const DataPoint& from, Arena& arena) {
  auto sum = histograms::ExponentialSum::of(to);
  sum.add(histograms::ExponentialSum::of(from));
  sum.write(arena, to);
}

void join(Metric& metric, DataPoint& to, std::span<const DataPoint* const> points, Aggregation how, Arena& arena) {
  if (points.size() == 1) return;
  if (is_number(metric)) join_numbers(to, points, how);
  for (auto* p : points.subspan(1)) {
    bool counts = is_number(metric) || p->count > 0;
    if (!counts) continue;
    if (metric.type == MetricType::histogram) join_histogram(to, *p);
    if (metric.type == MetricType::exponential_histogram) join_exponential(to, *p, arena);
    if (!is_number(metric))
      for (auto& e : p->exemplars) to.exemplars.push_back(arena, e);
    to.start_time_unix_nano = std::min(to.start_time_unix_nano, p->start_time_unix_nano);
  }
}

// The offset of buckets whose values were multiplied: where the middle of the first one has gone.
std::int32_t moved(std::int32_t scale, std::int32_t offset, double factor) {
  double base = std::exp2(std::exp2(-scale));
  double middle = (std::pow(base, offset) + std::pow(base, offset + 1.0)) / 2 * factor;
  double index = std::ceil(std::log(middle) * std::ldexp(1 / std::log(2.0), scale)) - 1;
  return index >= INT32_MIN && index <= INT32_MAX ? static_cast<std::int32_t>(index) : offset;
}

}  // namespace

void join_points(Metric& metric, Aggregation how, Arena& arena) {
  std::unordered_map<std::string, std::size_t> index;
  std::vector<std::vector<const DataPoint*>> groups;
  for (auto& p : metric.points) {
    auto [at, fresh] = index.try_emplace(key_of(metric, p), groups.size());
    if (fresh) groups.emplace_back();
    groups[at->second].push_back(&p);
  }
  ArenaVector<DataPoint> out;
  out.reserve(arena, groups.size());
  for (auto& group : groups) join(metric, out.push_back(arena, *group[0]), group, how, arena);
  metric.points = out;
}

void scale(Metric& metric, DataPoint& p, double factor) {
  if (is_number(metric)) {
    if (p.type == NumberType::integer)
      p.integer = go_int_of(static_cast<double>(p.integer) * factor);
    else
      p.real *= factor;
    return;
  }
  if (metric.type == MetricType::summary) return;
  p.sum *= factor;
  p.min *= factor;
  p.max *= factor;
  for (double& bound : p.explicit_bounds) bound *= factor;
  if (metric.type == MetricType::exponential_histogram) {
    p.zero_threshold *= factor;
    if (!p.positive.counts.empty()) p.positive.offset = moved(p.scale, p.positive.offset, factor);
    if (!p.negative.counts.empty()) p.negative.offset = moved(p.scale, p.negative.offset, factor);
  }
  for (auto& e : p.exemplars) {
    if (e.type == NumberType::integer)
      e.integer = go_int_of(static_cast<double>(e.integer) * factor);
    else
      e.real *= factor;
  }
}

void toggle_type(DataPoint& p) {
  if (p.type == NumberType::integer) {
    p.real = static_cast<double>(p.integer);
    p.type = NumberType::real;
  } else if (p.type == NumberType::real) {
    p.integer = go_int_of(p.real);
    p.type = NumberType::integer;
  }
}

}  // namespace weir::processors::metricstransform
