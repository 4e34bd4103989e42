// Functions that change what a metric is, or make another one from it.
#include "base/number.h"
#include "otlp/copy.h"
#include "ottl/function.h"

namespace weir::ottl {
namespace {

using otlp::DataPoint;
using otlp::Metric;
using otlp::MetricType;
using otlp::NumberType;
using otlp::Temporality;

std::string_view type_name(MetricType type) {
  constexpr std::array<std::string_view, 6> names = {"None", "Gauge", "Sum", "Histogram", "ExponentialHistogram", "Summary"};
  return names[static_cast<std::size_t>(type)];
}

// ---- copies, with nothing that two owners could change

template <class T>
ArenaVector<T> copy_vector(Arena& arena, const ArenaVector<T>& from) {
  ArenaVector<T> out;
  out.reserve(arena, from.size());
  for (const T& element : from) out.push_back(arena, element);
  return out;
}

DataPoint copy_point(Arena& arena, const DataPoint& from) {
  DataPoint out = from;
  out.attributes = otlp::copy_of(from.attributes, arena);
  out.exemplars = copy_vector(arena, from.exemplars);
  for (auto& exemplar : out.exemplars) {
    exemplar.filtered_attributes = otlp::copy_of(exemplar.filtered_attributes, arena);
    exemplar.unknown = copy_vector(arena, exemplar.unknown);
  }
  out.unknown = copy_vector(arena, from.unknown);
  out.bucket_counts = copy_vector(arena, from.bucket_counts);
  out.explicit_bounds = copy_vector(arena, from.explicit_bounds);
  out.positive.counts = copy_vector(arena, from.positive.counts);
  out.negative.counts = copy_vector(arena, from.negative.counts);
  out.quantiles = copy_vector(arena, from.quantiles);
  return out;
}

Metric* copy_metric_of(Arena& arena, const Metric& from) {
  auto* out = otlp::copy_without_points(from, arena);
  out->unknown = copy_vector(arena, from.unknown);
  out->points.reserve(arena, from.points.size());
  for (auto& point : from.points) out->points.push_back(arena, copy_point(arena, point));
  return out;
}

// ---- copy_metric(name?, description?, unit?)
bool copy_metric(EvalContext& c, const Call& call, Value&) {
  Metric* made = copy_metric_of(c.arena(), c.metric());
  std::array<std::string_view*, 3> fields = {&made->name, &made->description, &made->unit};
  bool good = true;
  for (std::size_t i = 0; good && i < fields.size(); ++i) {
    Value text;
    if (!call.given(i)) continue;
    good = call.text(c, i, text);
    if (good) *fields[i] = c.keep(text);
  }
  c.append_metric(made);  // also after an error, as the collector does
  return good;
}

// ---- convert_sum_to_gauge(), convert_gauge_to_sum(temporality, monotonic)
bool convert_sum_to_gauge(EvalContext& c, const Call&, Value&) {
  if (c.metric().type != MetricType::sum) return true;
  Metric& metric = c.edit_metric();
  metric.type = MetricType::gauge;
  metric.temporality = Temporality::unspecified;
  metric.is_monotonic = false;
  return true;
}

Temporality temporality_named(std::string_view word) {
  if (word == "delta") return Temporality::delta;
  return word == "cumulative" ? Temporality::cumulative : Temporality::unspecified;
}
Result<> check_temporality(Call& call) {
  std::string_view word = call.constant(0)->text;
  if (temporality_named(word) == Temporality::unspecified) return fail(Errc::config, "unknown aggregation temporality: {}", word);
  return {};
}

bool convert_gauge_to_sum(EvalContext& c, const Call& call, Value&) {
  if (c.metric().type != MetricType::gauge) return true;
  Metric& metric = c.edit_metric();
  metric.type = MetricType::sum;
  metric.temporality = temporality_named(call.constant(0)->text);
  metric.is_monotonic = call.constant(1)->boolean;
  return true;
}

// ---- new metrics with one number for each point

// A metric without points named after the current one.
Metric* derived_metric(EvalContext& c, std::string_view suffix, MetricType type) {
  const Metric& from = c.metric();
  auto* out = c.arena().make<Metric>();
  out->name = c.arena().copy(fmt::format("{}{}", from.name, suffix));
  out->description = from.description;
  out->unit = from.unit;
  out->type = type;
  return out;
}

DataPoint& derived_point(EvalContext& c, Metric& metric, const DataPoint& from) {
  DataPoint point;
  point.attributes = otlp::copy_of(from.attributes, c.arena());
  point.start_time_unix_nano = from.start_time_unix_nano;
  point.time_unix_nano = from.time_unix_nano;
  return metric.points.push_back(c.arena(), point);
}

void set_number(DataPoint& point, std::int64_t number) {
  point.type = NumberType::integer;
  point.integer = number;
}
void set_number(DataPoint& point, double number) {
  point.type = NumberType::real;
  point.real = number;
}

std::string_view suffix_of(const Call& call, std::size_t i, std::string_view otherwise) {
  return call.given(i) ? call.constant(i)->text : otherwise;
}

// convert_summary_{count,sum}_val_to_sum(temporality, monotonic, suffix?)
template <bool counts>
bool convert_summary(EvalContext& c, const Call& call, Value&) {
  if (c.metric().type != MetricType::summary) return true;
  Metric* made = derived_metric(c, suffix_of(call, 2, counts ? "_count" : "_sum"), MetricType::sum);
  made->temporality = temporality_named(call.constant(0)->text);
  made->is_monotonic = call.constant(1)->boolean;
  for (auto& from : c.metric().points) {
    DataPoint& point = derived_point(c, *made, from);
    if constexpr (counts)
      set_number(point, static_cast<std::int64_t>(from.count));
    else
      set_number(point, from.sum);
  }
  c.append_metric(made);
  return true;
}

// convert_summary_quantile_val_to_gauge(attribute key?, suffix?)
bool convert_quantiles(EvalContext& c, const Call& call, Value&) {
  if (c.metric().type != MetricType::summary) return true;
  Metric* made = derived_metric(c, suffix_of(call, 1, ".quantiles"), MetricType::gauge);
  std::string_view key = c.arena().copy(suffix_of(call, 0, "quantile"));
  for (auto& from : c.metric().points)
    for (auto& quantile : from.quantiles) {
      DataPoint& point = derived_point(c, *made, from);
      point.attributes.set(c.arena(), key, otlp::Value::of(quantile.quantile));
      set_number(point, quantile.value);
    }
  c.append_metric(made);
  return true;
}

// extract_{count,sum}_metric(monotonic, suffix?)
template <bool counts>
bool extract_metric(EvalContext& c, const Call& call, Value&) {
  const Metric& from = c.metric();
  bool summary = from.type == MetricType::summary;
  bool histogram = from.type == MetricType::histogram || from.type == MetricType::exponential_histogram;
  Temporality temporality = summary ? Temporality::cumulative : histogram ? from.temporality : Temporality::unspecified;
  if (temporality == Temporality::unspecified)
    return c.fail("{} requires an input metric of type Histogram, ExponentialHistogram or Summary, got {}", call.info().name, type_name(from.type));
  Metric* made = derived_metric(c, suffix_of(call, 1, counts ? "_count" : "_sum"), MetricType::sum);
  made->temporality = temporality;
  made->is_monotonic = call.constant(0)->boolean;
  if (counts) made->unit = "1";
  for (auto& point : from.points) {
    if constexpr (counts)
      set_number(derived_point(c, *made, point), static_cast<std::int64_t>(point.count));
    else if (summary || point.has_sum)
      set_number(derived_point(c, *made, point), point.sum);
  }
  if (!made->points.empty()) c.append_metric(made);
  return true;
}

// ---- scale_metric(multiplier, unit?)
template <class Number>
void scale_number(Number& number, double by) {
  if (number.type == NumberType::integer) number.integer = go_int_of(static_cast<double>(number.integer) * by);
  if (number.type == NumberType::real) number.real *= by;
}

void scale_point(DataPoint& point, MetricType type, double by) {
  switch (type) {
    case MetricType::summary:
      point.sum *= by;
      for (auto& quantile : point.quantiles) quantile.value *= by;
      return;
    case MetricType::histogram:
      for (double* number : {&point.sum, &point.min, &point.max}) *number *= by;
      for (double& bound : point.explicit_bounds) bound *= by;
      for (auto& exemplar : point.exemplars) scale_number(exemplar, by);
      return;
    default: scale_number(point, by);
  }
}

bool scale_metric(EvalContext& c, const Call& call, Value&) {
  Value unit;
  if (call.given(1) && !call.text(c, 1, unit)) return false;
  MetricType type = c.metric().type;
  if (type == MetricType::exponential_histogram) return c.fail("exponential histograms are not supported by scale_metric");
  if (type == MetricType::none) return c.fail("unsupported metric type: {}", type_name(type));
  Metric& metric = c.edit_metric();
  for (auto& point : metric.points) scale_point(point, type, call.constant(0)->real);
  if (call.given(1)) metric.unit = c.keep(unit);
  return true;
}

// ---- HasAttrKeyOnDatapoint(key), HasAttrOnDatapoint(key, text)
bool has_attribute(EvalContext& c, const Call& call, Value& out) {
  std::string_view key = call.constant(0)->text;
  const Value* wanted = call.info().params.size() > 1 ? call.constant(1) : nullptr;
  out = Value::of(false);
  // The first point that has the attribute decides.
  for (auto& point : c.metric().points) {
    const otlp::Value* found = point.attributes.find(key);
    if (found == nullptr) continue;
    out.boolean = wanted == nullptr || (found->is(otlp::ValueType::string) ? found->text : std::string_view()) == wanted->text;
    break;
  }
  return true;
}

}  // namespace

FunctionInfo metric_editor(std::string_view name, std::string_view doc, std::vector<Param> params, bool (*run)(EvalContext&, const Call&, Value&),
                           Result<> (*prepare)(Call&), In in) {
  return {.name = name,
          .doc = doc,
          .params = std::move(params),
          .run = run,
          .prepare = prepare,
          .in = in,
          .callers = Callers::transform,
          .reads = Reads::item | Reads::sub_items | Reads::edits_item};
}

std::span<const FunctionInfo> metric_functions() {
  constexpr Param temporality{"stringAggTemp", Takes::literal_text}, monotonic{"monotonic", Takes::literal_boolean};
  constexpr Param suffix{"suffix", Takes::literal_text, true};
  static const std::array rows{
      metric_editor("copy_metric", "Adds a copy of the metric, with another name, description or unit where given.",
             {{"name", Takes::text, true}, {"description", Takes::text, true}, {"unit", Takes::text, true}}, copy_metric),
      metric_editor("convert_sum_to_gauge", "Turns a sum into a gauge.", {}, convert_sum_to_gauge),
      metric_editor("convert_gauge_to_sum", "Turns a gauge into a sum with the temporality delta or cumulative.",
             {temporality, monotonic}, convert_gauge_to_sum, check_temporality),
      metric_editor("convert_summary_count_val_to_sum", "Adds a sum with the counts of a summary, named like it with the suffix (default: _count).",
             {temporality, monotonic, suffix}, convert_summary<true>, check_temporality, In::datapoint),
      metric_editor("convert_summary_sum_val_to_sum", "Adds a sum with the sums of a summary, named like it with the suffix (default: _sum).",
             {temporality, monotonic, suffix}, convert_summary<false>, check_temporality, In::datapoint),
      metric_editor("convert_summary_quantile_val_to_gauge",
             "Adds a gauge with the quantiles of a summary, which are told apart by an attribute (default: quantile); the suffix's default is .quantiles.",
             {{"attributeKey", Takes::literal_text, true}, suffix}, convert_quantiles),
      metric_editor("extract_count_metric", "Adds a sum with the counts of a histogram or summary, named like it with the suffix (default: _count).",
             {monotonic, suffix}, extract_metric<true>),
      metric_editor("extract_sum_metric", "Adds a sum with the sums of a histogram or summary, named like it with the suffix (default: _sum).",
             {monotonic, suffix}, extract_metric<false>),
      metric_editor("scale_metric", "Multiplies all values of a metric, and sets its unit when given; not for exponential histograms.",
             {{"multiplier", Takes::literal_real}, {"unit", Takes::text, true}}, scale_metric),
      FunctionInfo{.name = "HasAttrKeyOnDatapoint",
                   .doc = "Whether a data point of the metric has the attribute.",
                   .params = {{"key", Takes::literal_text}},
                   .run = has_attribute,
                   .in = In::metric,
                   .callers = Callers::filter,
                   .reads = Reads::item | Reads::sub_items},
      FunctionInfo{.name = "HasAttrOnDatapoint",
                   .doc = "Whether the first data point of the metric that has the attribute has this text as its value.",
                   .params = {{"key", Takes::literal_text}, {"expectedVal", Takes::literal_text}},
                   .run = has_attribute,
                   .in = In::metric,
                   .callers = Callers::filter,
                   .reads = Reads::item | Reads::sub_items},
  };
  return rows;
}

}  // namespace weir::ottl
