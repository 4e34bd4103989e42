// Paths of metrics, data points and exemplars.
#include "ottl/path_rows.h"

namespace weir::ottl::rows {
namespace {

// ---- metrics
bool has_temporality(MetricType type) {
  return type == MetricType::sum || type == MetricType::histogram || type == MetricType::exponential_histogram;
}
bool get_type(EvalContext& c, Value& out) { return out = Value::of(static_cast<std::int64_t>(c.metric().type)), true; }
bool ignore(EvalContext&, const Value&) { return true; }
bool get_temporality(EvalContext& c, Value& out) {
  if (has_temporality(c.metric().type)) out = Value::of(static_cast<std::int64_t>(c.metric().temporality));
  return true;
}
bool set_temporality(EvalContext& c, const Value& v) {
  if (!v.is(Kind::integer)) return wrong_type(c, "int64", v);
  if (has_temporality(c.metric().type)) c.edit_metric().temporality = static_cast<otlp::Temporality>(v.integer);
  return true;
}
bool get_monotonic(EvalContext& c, Value& out) {
  if (c.metric().type == MetricType::sum) out = Value::of(c.metric().is_monotonic);
  return true;
}
bool set_monotonic(EvalContext& c, const Value& v) {
  if (!v.is(Kind::boolean)) return wrong_type(c, "bool", v);
  if (c.metric().type == MetricType::sum) c.edit_metric().is_monotonic = v.boolean;
  return true;
}
bool get_points(EvalContext& c, Value& out) {
  if (c.metric().type != MetricType::none) out = Value::of_part(Part::points, &c.metric());
  return true;
}
bool set_points(EvalContext& c, const Value& v) {
  bool fits = v.is(Kind::opaque) && v.part == Part::points && static_cast<const Metric*>(v.opaque)->type == c.metric().type;
  return fits || wrong_type(c, "the metric's own data points", v);
}

// ---- data points
bool is_number(EvalContext& c) { return c.metric().type == MetricType::gauge || c.metric().type == MetricType::sum; }
bool is_histogram(EvalContext& c) { return c.metric().type == MetricType::histogram; }
bool is_exponential(EvalContext& c) { return c.metric().type == MetricType::exponential_histogram; }
bool is_summary(EvalContext& c) { return c.metric().type == MetricType::summary; }
bool is_counted(EvalContext& c) { return !is_number(c) && c.metric().type != MetricType::none; }
bool wrong_point(EvalContext& c) { return c.fail("unsupported data point type"); }

bool get_value_int(EvalContext& c, Value& out) {
  if (is_number(c)) out = Value::of(c.point->type == otlp::NumberType::integer ? c.point->integer : std::int64_t{0});
  return true;
}
bool set_value_int(EvalContext& c, const Value& v) {
  if (!v.is(Kind::integer)) return wrong_type(c, "int64", v);
  if (!is_number(c)) return wrong_point(c);
  DataPoint& point = InPoint::edit(c);
  point.type = otlp::NumberType::integer;
  point.integer = v.integer;
  return true;
}
bool get_value_double(EvalContext& c, Value& out) {
  if (is_number(c)) out = Value::of(c.point->type == otlp::NumberType::real ? c.point->real : 0.0);
  return true;
}
bool set_value_double(EvalContext& c, const Value& v) {
  if (!v.is(Kind::real)) return wrong_type(c, "float64", v);
  if (!is_number(c)) return wrong_point(c);
  DataPoint& point = InPoint::edit(c);
  point.type = otlp::NumberType::real;
  point.real = v.real;
  return true;
}

// A number that only points of some metric types have.
template <bool (*fits)(EvalContext&), auto Member>
PathRow point_integer(std::string_view name) {
  return {.name = name,
          .get = [](EvalContext& c, Value& out) {
            if (fits(c)) out = Value::of(static_cast<std::int64_t>(c.point->*Member));
            return true;
          },
          .set = [](EvalContext& c, const Value& v) {
            if (!v.is(Kind::integer)) return wrong_type(c, "int64", v);
            if (!fits(c)) return wrong_point(c);
            auto& field = InPoint::edit(c).*Member;
            field = static_cast<std::remove_reference_t<decltype(field)>>(v.integer);
            return true;
          },
          .reads = InPoint::reads, .edits = InPoint::edits};
}

bool get_sum(EvalContext& c, Value& out) {
  if (is_counted(c)) out = Value::of(c.point->sum);
  return true;
}
bool set_sum(EvalContext& c, const Value& v) {
  if (!v.is(Kind::real)) return wrong_type(c, "float64", v);
  if (!is_counted(c)) return wrong_point(c);
  DataPoint& point = InPoint::edit(c);
  point.sum = v.real;
  point.has_sum = true;
  return true;
}

bool get_bounds(EvalContext& c, Value& out) {
  if (!is_histogram(c)) return true;
  auto* list = c.scratch().make<otlp::Array>();
  for (double bound : c.point->explicit_bounds) list->push_back(c.scratch(), otlp::Value::of(bound));
  out = Value::of(list);
  out.part = Part::bounds;
  return true;
}
bool set_bounds(EvalContext& c, const Value& v) {
  if (!v.is(Kind::list)) return wrong_type(c, "[]float64", v);
  if (!is_histogram(c)) return wrong_point(c);
  ArenaVector<double> bounds;
  for (const otlp::Value& one : *v.list) {
    if (!one.is(otlp::ValueType::real)) return c.fail("expects float64 elements");
    bounds.push_back(c.arena(), one.real);
  }
  InPoint::edit(c).explicit_bounds = bounds;
  return true;
}

bool take_counts(EvalContext& c, const Value& v, ArenaVector<std::uint64_t>& out) {
  if (v.is(Kind::opaque) && v.part == Part::counts) {
    for (std::uint64_t n : v.counts()) out.push_back(c.arena(), n);
    return true;
  }
  if (!v.is(Kind::list)) return wrong_type(c, "[]uint64", v);
  for (const otlp::Value& one : *v.list) {
    if (!one.is(otlp::ValueType::integer)) return c.fail("expects int64 elements");
    out.push_back(c.arena(), static_cast<std::uint64_t>(one.integer));
  }
  return true;
}
bool get_buckets(EvalContext& c, Value& out) {
  if (is_histogram(c)) out = Value::of_part(Part::counts, &c.point->bucket_counts);
  return true;
}
bool set_buckets(EvalContext& c, const Value& v) {
  if (!is_histogram(c)) return wrong_point(c);
  ArenaVector<std::uint64_t> counts;
  if (!take_counts(c, v, counts)) return false;
  InPoint::edit(c).bucket_counts = counts;
  return true;
}

bool get_exemplars(EvalContext& c, Value& out) {
  if (!is_summary(c)) out = Value::of_part(Part::exemplars, &c.point->exemplars);
  return true;
}
bool set_exemplars(EvalContext& c, const Value& v) {
  if (!v.is(Kind::opaque) || v.part != Part::exemplars) return wrong_type(c, "pmetric.ExemplarSlice", v);
  ArenaVector<Exemplar> copy;
  for (auto& one : *static_cast<const ArenaVector<Exemplar>*>(v.opaque)) copy.push_back(c.arena(), one);
  if (!is_summary(c)) InPoint::edit(c).exemplars = copy;
  return true;
}
bool get_quantiles(EvalContext& c, Value& out) {
  if (is_summary(c)) out = Value::of_part(Part::quantiles, &c.point->quantiles);
  return true;
}
bool set_quantiles(EvalContext& c, const Value& v) {
  if (!v.is(Kind::opaque) || v.part != Part::quantiles) return wrong_type(c, "pmetric.SummaryDataPointValueAtQuantileSlice", v);
  if (!is_summary(c)) return wrong_point(c);
  ArenaVector<DataPoint::Quantile> copy;
  for (auto& one : *static_cast<const ArenaVector<DataPoint::Quantile>*>(v.opaque)) copy.push_back(c.arena(), one);
  InPoint::edit(c).quantiles = copy;
  return true;
}

// positive and negative buckets
template <auto Side>
struct Buckets {
  static bool get(EvalContext& c, Value& out) {
    if (is_exponential(c)) out = Value::of_part(Part::buckets, &(c.point->*Side));
    return true;
  }
  static bool set(EvalContext& c, const Value& v) {
    if (!v.is(Kind::opaque) || v.part != Part::buckets) return wrong_type(c, "pmetric.ExponentialHistogramDataPointBuckets", v);
    if (!is_exponential(c)) return wrong_point(c);
    auto& from = *static_cast<const DataPoint::Buckets*>(v.opaque);
    DataPoint::Buckets copy{from.offset, {}, true};
    for (std::uint64_t n : from.counts) copy.counts.push_back(c.arena(), n);
    InPoint::edit(c).*Side = copy;
    return true;
  }
  static bool get_offset(EvalContext& c, Value& out) {
    if (is_exponential(c)) out = Value::of(std::int64_t{(c.point->*Side).offset});
    return true;
  }
  static bool set_offset(EvalContext& c, const Value& v) {
    if (!v.is(Kind::integer)) return wrong_type(c, "int64", v);
    if (!is_exponential(c)) return wrong_point(c);
    DataPoint::Buckets& side = InPoint::edit(c).*Side;
    side.offset = static_cast<std::int32_t>(v.integer);
    side.present = true;
    return true;
  }
  static bool get_counts(EvalContext& c, Value& out) {
    if (is_exponential(c)) out = Value::of_part(Part::counts, &(c.point->*Side).counts);
    return true;
  }
  static bool set_counts(EvalContext& c, const Value& v) {
    if (!is_exponential(c)) return wrong_point(c);
    ArenaVector<std::uint64_t> counts;
    if (!take_counts(c, v, counts)) return false;
    DataPoint::Buckets& side = InPoint::edit(c).*Side;
    side.counts = counts;
    side.present = true;
    return true;
  }
};

// ---- exemplars: values of the wrong type are ignored, as the collector does
bool get_exemplar_real(EvalContext& c, Value& out) {
  return out = Value::of(c.exemplar->type == otlp::NumberType::real ? c.exemplar->real : 0.0), true;
}
bool set_exemplar_real(EvalContext& c, const Value& v) {
  if (!v.is(Kind::real)) return true;
  Exemplar& to = InExemplar::edit(c);
  to.type = otlp::NumberType::real;
  to.real = v.real;
  return true;
}
bool get_exemplar_integer(EvalContext& c, Value& out) {
  return out = Value::of(c.exemplar->type == otlp::NumberType::integer ? c.exemplar->integer : std::int64_t{0}), true;
}
bool set_exemplar_integer(EvalContext& c, const Value& v) {
  if (!v.is(Kind::integer)) return true;
  Exemplar& to = InExemplar::edit(c);
  to.type = otlp::NumberType::integer;
  to.integer = v.integer;
  return true;
}

}  // namespace

std::span<const PathRow> metric_paths() {
  static const std::array metric_rows{
      cache_row,
      text<InMetric, &Metric::name>("name"),
      text<InMetric, &Metric::description>("description"),
      text<InMetric, &Metric::unit>("unit"),
      map<InMetric, &Metric::metadata>("metadata"),
      PathRow{.name = "type", .get = get_type, .set = ignore, .reads = Reads::item},
      PathRow{.name = "aggregation_temporality", .get = get_temporality, .set = set_temporality, .reads = Reads::item, .edits = Reads::edits_item},
      PathRow{.name = "is_monotonic", .get = get_monotonic, .set = set_monotonic, .reads = Reads::item, .edits = Reads::edits_item},
      PathRow{.name = "data_points", .get = get_points, .set = set_points, .reads = Reads::item | Reads::sub_items, .edits = Reads::edits_item},
  };
  return metric_rows;
}

std::span<const PathRow> point_paths() {
  constexpr Reads of = InPoint::reads, to = InPoint::edits;
  static const std::array point_rows{
      cache_row,
      map<InPoint, &DataPoint::attributes>("attributes"),
      time<InPoint, &DataPoint::start_time_unix_nano>("start_time"),
      time<InPoint, &DataPoint::time_unix_nano>("time"),
      integer<InPoint, &DataPoint::start_time_unix_nano>("start_time_unix_nano"),
      integer<InPoint, &DataPoint::time_unix_nano>("time_unix_nano"),
      PathRow{.name = "value_double", .get = get_value_double, .set = set_value_double, .reads = of, .edits = to},
      PathRow{.name = "value_int", .get = get_value_int, .set = set_value_int, .reads = of, .edits = to},
      PathRow{.name = "exemplars", .get = get_exemplars, .set = set_exemplars, .reads = of, .edits = to},
      integer<InPoint, &DataPoint::flags>("flags"),
      point_integer<is_counted, &DataPoint::count>("count"),
      PathRow{.name = "sum", .get = get_sum, .set = set_sum, .reads = of, .edits = to},
      PathRow{.name = "bucket_counts", .get = get_buckets, .set = set_buckets, .reads = of, .edits = to},
      PathRow{.name = "explicit_bounds", .get = get_bounds, .set = set_bounds, .reads = of, .edits = to},
      point_integer<is_exponential, &DataPoint::scale>("scale"),
      point_integer<is_exponential, &DataPoint::zero_count>("zero_count"),
      PathRow{.name = "positive", .get = Buckets<&DataPoint::positive>::get, .set = Buckets<&DataPoint::positive>::set, .reads = of, .edits = to},
      PathRow{.name = "positive.offset", .get = Buckets<&DataPoint::positive>::get_offset, .set = Buckets<&DataPoint::positive>::set_offset, .reads = of, .edits = to},
      PathRow{.name = "positive.bucket_counts", .get = Buckets<&DataPoint::positive>::get_counts, .set = Buckets<&DataPoint::positive>::set_counts, .reads = of, .edits = to},
      PathRow{.name = "negative", .get = Buckets<&DataPoint::negative>::get, .set = Buckets<&DataPoint::negative>::set, .reads = of, .edits = to},
      PathRow{.name = "negative.offset", .get = Buckets<&DataPoint::negative>::get_offset, .set = Buckets<&DataPoint::negative>::set_offset, .reads = of, .edits = to},
      PathRow{.name = "negative.bucket_counts", .get = Buckets<&DataPoint::negative>::get_counts, .set = Buckets<&DataPoint::negative>::set_counts, .reads = of, .edits = to},
      PathRow{.name = "quantile_values", .get = get_quantiles, .set = set_quantiles, .reads = of, .edits = to},
  };
  return point_rows;
}

std::span<const PathRow> exemplar_paths() {
  constexpr Reads of = InExemplar::reads, to = InExemplar::edits;
  static const std::array exemplar_rows{
      cache_row,
      time<InExemplar, &Exemplar::time_unix_nano>("time"),
      integer<InExemplar, &Exemplar::time_unix_nano>("time_unix_nano"),
      PathRow{.name = "double_value", .get = get_exemplar_real, .set = set_exemplar_real, .reads = of, .edits = to},
      PathRow{.name = "int_value", .get = get_exemplar_integer, .set = set_exemplar_integer, .reads = of, .edits = to},
      id<InExemplar, &Exemplar::trace_id>("trace_id"),
      id_text<InExemplar, &Exemplar::trace_id>("trace_id.string"),
      id<InExemplar, &Exemplar::span_id>("span_id"),
      id_text<InExemplar, &Exemplar::span_id>("span_id.string"),
      map<InExemplar, &Exemplar::filtered_attributes>("filtered_attributes"),
  };
  return exemplar_rows;
}

}  // namespace weir::ottl::rows
