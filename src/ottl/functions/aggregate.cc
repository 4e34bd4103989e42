// Functions that join the data points of a metric.
#include <cmath>
#include <unordered_map>

#include "base/number.h"
#include "ottl/function.h"

namespace weir::ottl {
namespace {

using otlp::DataPoint;
using otlp::Metric;
using otlp::MetricType;
using otlp::NumberType;
using Points = std::vector<DataPoint>;

enum class Joining : std::uint8_t { sum, mean, min, max, median, count };
constexpr std::array<std::string_view, 6> joining_names = {"sum", "mean", "min", "max", "median", "count"};

Joining joining_of(const Call& call) {
  auto found = std::find(joining_names.begin(), joining_names.end(), call.constant(0)->text);
  return static_cast<Joining>(found - joining_names.begin());
}
Result<> check_joining(Call& call) {
  std::string_view name = call.constant(0)->text;
  if (std::find(joining_names.begin(), joining_names.end(), name) != joining_names.end()) return {};
  return fail(Errc::config, "invalid aggregation function \"{}\", valid options: {}", name, fmt::join(joining_names, ", "));
}

// ---- numbers

double real_of(const DataPoint& p) { return p.type == NumberType::real ? p.real : p.type == NumberType::integer ? static_cast<double>(p.integer) : 0; }
std::int64_t integer_of(const DataPoint& p) { return p.type == NumberType::integer ? p.integer : p.type == NumberType::real ? go_int_of(p.real) : 0; }
std::int64_t add(std::int64_t a, std::int64_t b) { return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b)); }
double add(double a, double b) { return a + b; }

// NaN counts, other than with std::max.
double larger(double a, double b) { return std::isnan(a) || std::isnan(b) ? std::nan("") : std::max(a, b); }
double smaller(double a, double b) { return std::isnan(a) || std::isnan(b) ? std::nan("") : std::min(a, b); }
std::int64_t larger(std::int64_t a, std::int64_t b) { return std::max(a, b); }
std::int64_t smaller(std::int64_t a, std::int64_t b) { return std::min(a, b); }

template <class T>
T median(std::vector<T> numbers) {
  std::sort(numbers.begin(), numbers.end(), [](T a, T b) { return a < b || (a != a && b == b); });
  std::size_t middle = numbers.size() / 2;
  return numbers.size() % 2 ? numbers[middle] : add(numbers[middle - 1], numbers[middle]) / 2;
}

template <class T, class Get>
T joined(const Points& group, Joining joining, Get get) {
  T out = get(group[0]);
  if (group.size() == 1) return out;  // also for count
  switch (joining) {
    case Joining::count: return static_cast<T>(group.size());
    case Joining::median: {
      std::vector<T> numbers;
      for (auto& point : group) numbers.push_back(get(point));
      return median(std::move(numbers));
    }
    default: break;
  }
  for (std::size_t i = 1; i < group.size(); ++i) {
    T number = get(group[i]);
    if (joining == Joining::max)
      out = larger(out, number);
    else if (joining == Joining::min)
      out = smaller(out, number);
    else
      out = add(out, number);
  }
  return joining == Joining::mean ? out / static_cast<T>(group.size()) : out;
}

DataPoint join_numbers(const Points& group, Joining joining) {
  DataPoint out = group[0];
  if (out.type == NumberType::none) return out;
  bool adds = joining == Joining::sum || joining == Joining::mean;
  if (out.type == NumberType::real)
    out.real = joined<double>(group, joining, real_of);
  else if (adds)  // the whole numbers alone count
    out.integer = joined<std::int64_t>(group, joining, [](const DataPoint& p) { return p.type == NumberType::integer ? p.integer : 0; });
  else
    out.integer = joined<std::int64_t>(group, joining, integer_of);
  for (auto& point : group) out.start_time_unix_nano = std::min(out.start_time_unix_nano, point.start_time_unix_nano);
  return out;
}

// ---- histograms

// Adds `from` into `to` by the buckets' indexes.
void join_buckets(Arena& arena, DataPoint::Buckets& to, const DataPoint::Buckets& from) {
  if (from.counts.empty()) return;
  if (to.counts.empty()) {
    to.offset = from.offset;
    for (std::uint64_t count : from.counts) to.counts.push_back(arena, count);
    to.present = true;
    return;
  }
  auto end = [](const DataPoint::Buckets& b) { return std::int64_t{b.offset} + static_cast<std::int64_t>(b.counts.size()); };
  std::int64_t first = std::min(to.offset, from.offset), last = std::max(end(to), end(from));
  ArenaVector<std::uint64_t> counts;
  counts.reserve(arena, static_cast<std::size_t>(last - first));
  for (std::int64_t i = first; i < last; ++i) {
    auto at = [&](const DataPoint::Buckets& b) { return i >= b.offset && i < end(b) ? b.counts[static_cast<std::size_t>(i - b.offset)] : 0; };
    counts.push_back(arena, at(to) + at(from));
  }
  to.offset = static_cast<std::int32_t>(first);
  to.counts = counts;
}

// Buckets of an exponential histogram lie at most this far apart; points farther apart are not joined.
constexpr std::int64_t max_buckets = 65'536;

bool too_far_apart(const DataPoint::Buckets& a, const DataPoint::Buckets& b) {
  if (a.counts.empty() || b.counts.empty()) return false;
  std::int64_t end = std::max(std::int64_t{a.offset} + static_cast<std::int64_t>(a.counts.size()), std::int64_t{b.offset} + static_cast<std::int64_t>(b.counts.size()));
  return end - std::min(a.offset, b.offset) > max_buckets;
}

void join_histogram(Arena& arena, DataPoint& to, const DataPoint& from) {
  to.count += from.count;
  to.sum += from.sum;
  to.has_sum = true;
  if (to.has_min) to.min = std::min(to.min, from.min);
  if (to.has_max) to.max = std::max(to.max, from.max);
  for (std::size_t i = 0; i < from.bucket_counts.size(); ++i) {
    if (i == to.bucket_counts.size()) to.bucket_counts.push_back(arena, 0);
    to.bucket_counts[i] += from.bucket_counts[i];
  }
  to.zero_count += from.zero_count;
  join_buckets(arena, to.positive, from.positive);
  join_buckets(arena, to.negative, from.negative);
  for (auto& exemplar : from.exemplars) to.exemplars.push_back(arena, exemplar);
  to.start_time_unix_nano = std::min(to.start_time_unix_nano, from.start_time_unix_nano);
}

bool join_histograms(EvalContext& c, const Points& group, DataPoint& out) {
  out = group[0];
  for (std::size_t i = 1; i < group.size(); ++i) {
    if (group[i].count == 0) continue;
    if (too_far_apart(out.positive, group[i].positive) || too_far_apart(out.negative, group[i].negative))
      return c.fail("exponential histograms with buckets more than {} apart cannot be aggregated", max_buckets);
    join_histogram(c.arena(), out, group[i]);
  }
  return true;
}

// ---- grouping

// Points with equal keys are joined: attributes and time, and the shape of histograms.
std::string group_key(EvalContext& c, const Metric& metric, DataPoint& point) {
  std::string key;
  append_json(key, Value::of(&point.attributes), c.scratch());
  auto out = std::back_inserter(key);
  fmt::format_to(out, "|{}", point.time_unix_nano);
  if (metric.type != MetricType::gauge && metric.temporality == otlp::Temporality::delta) fmt::format_to(out, "|{}", point.start_time_unix_nano);
  if (metric.type == MetricType::histogram)
    for (double bound : point.explicit_bounds) fmt::format_to(out, "|{}", bound);
  if (metric.type == MetricType::exponential_histogram) fmt::format_to(out, "|{}", point.scale);
  if (metric.type == MetricType::histogram || metric.type == MetricType::exponential_histogram)
    fmt::format_to(out, "|{}|{}|{}", point.has_min, point.has_max, point.flags);
  return key;
}

bool join_points(EvalContext& c, Metric& metric, Joining joining) {
  metric.metadata = {};
  if (metric.type == MetricType::none || metric.type == MetricType::summary) return true;
  std::unordered_map<std::string, std::size_t> places;
  std::vector<Points> groups;
  for (auto& point : metric.points) {
    auto [place, fresh] = places.emplace(group_key(c, metric, point), groups.size());
    if (fresh) groups.emplace_back();
    groups[place->second].push_back(point);
  }
  ArenaVector<DataPoint> points;
  points.reserve(c.arena(), groups.size());
  for (auto& group : groups) {
    DataPoint point;
    if (metric.type == MetricType::gauge || metric.type == MetricType::sum)
      point = join_numbers(group, joining);
    else if (!join_histograms(c, group, point))
      return false;
    points.push_back(c.arena(), point);
  }
  metric.points = points;
  c.points_changed();
  return true;
}

// aggregate_on_attributes(function, [attributes]?)
bool aggregate_on_attributes(EvalContext& c, const Call& call, Value&) {
  if (c.metric().type == MetricType::summary) return c.fail("aggregate_on_attributes does not support aggregating Summary metrics");
  Metric& metric = c.edit_metric();
  auto named = [&](std::string_view key) {
    return std::any_of(call[1].items.begin(), call[1].items.end(), [&](auto& item) { return item->constant()->text == key; });
  };
  if (call.given(1))
    for (auto& point : metric.points) point.attributes.erase_if([&](auto& kv) { return !named(kv.key); });
  return join_points(c, metric, joining_of(call));
}

// aggregate_on_attribute_value(function, attribute, [values], new value)
bool aggregate_on_attribute_value(EvalContext& c, const Call& call, Value&) {
  Metric& metric = c.edit_metric();
  std::string_view key = call.constant(1)->text, replacement = c.arena().copy(call.constant(3)->text);
  for (auto& point : metric.points) {
    otlp::Value* value = point.attributes.find(key);
    if (value == nullptr) continue;
    for (auto& item : call[2].items) {
      std::string_view text = value->is(otlp::ValueType::string) ? value->text : std::string_view();
      if (item->constant()->text == text) *value = otlp::Value::of(replacement);
    }
  }
  return join_points(c, metric, joining_of(call));
}

FunctionInfo editor(std::string_view name, std::string_view doc, std::vector<Param> params, bool (*run)(EvalContext&, const Call&, Value&)) {
  return {.name = name,
          .doc = doc,
          .params = std::move(params),
          .run = run,
          .prepare = check_joining,
          .in = In::metric,
          .callers = Callers::transform,
          .reads = Reads::item | Reads::sub_items | Reads::edits_item};
}

}  // namespace

std::span<const FunctionInfo> aggregate_functions() {
  static const std::array rows{
      editor("aggregate_on_attributes",
             "Keeps the given attributes of the data points (without a list: all), then joins points that are alike by sum, mean, min, max, median or "
             "count; histograms are added up whatever the function.",
             {{"aggregationFunction", Takes::literal_text}, {"attributes", Takes::literal_text_list, true}}, aggregate_on_attributes),
      editor("aggregate_on_attribute_value",
             "Replaces the given values of an attribute by a new one, then joins data points that are alike.",
             {{"aggregationFunction", Takes::literal_text},
              {"attribute", Takes::literal_text},
              {"values", Takes::literal_text_list},
              {"newValue", Takes::literal_text}},
             aggregate_on_attribute_value),
  };
  return rows;
}

}  // namespace weir::ottl
