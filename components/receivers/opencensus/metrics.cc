// Metrics. Rules that are not obvious are those of the Go collector's translator, 0.128.
#include "components/receivers/opencensus/translate.h"
#include "components/receivers/opencensus/wire.h"

namespace weir::receivers::opencensus {
namespace {

using otlp::DataPoint;
using otlp::Metric;
using otlp::MetricType;
using otlp::NumberType;
using otlp::Value;

// What a metric's points have in common.
struct Shape {
  ArenaVector<std::string_view> label_keys;
  NumberType number = NumberType::none;
};

// MetricDescriptor.Type. False for those that OTLP has no place for.
bool take_type(std::uint64_t type, Metric& metric, Shape& shape) {
  constexpr std::uint64_t gauge_integer = 1, gauge_real = 2, sum_integer = 4, sum_real = 5, distribution = 6, summary = 7;
  switch (type) {
    case gauge_integer:
    case gauge_real: metric.type = MetricType::gauge; break;
    case sum_integer:
    case sum_real: metric.type = MetricType::sum; break;
    case distribution: metric.type = MetricType::histogram; break;
    case summary: metric.type = MetricType::summary; break;
    default: return false;
  }
  metric.is_monotonic = metric.type == MetricType::sum;
  if (metric.type == MetricType::sum || metric.type == MetricType::histogram) metric.temporality = otlp::Temporality::cumulative;
  if (type == gauge_integer || type == sum_integer) shape.number = NumberType::integer;
  if (type == gauge_real || type == sum_real) shape.number = NumberType::real;
  return true;
}

// MetricDescriptor: name = 1, description = 2, unit = 3, type = 4, label_keys = 5.
Result<bool> read_descriptor(std::string_view message, Scratch& scratch, Metric& metric, Shape& shape) {
  std::uint64_t type = 0;
  WEIR_TRY(walk(message, [&](Reader& in) -> Result<bool> {
    if (is_bytes(in, 1)) return metric.name = in.bytes(), true;
    if (is_bytes(in, 2)) return metric.description = in.bytes(), true;
    if (is_bytes(in, 3)) return metric.unit = in.bytes(), true;
    if (is_varint(in, 4)) return type = in.varint(), true;
    if (!is_bytes(in, 5)) return false;
    WEIR_ASSIGN(std::string_view key, read_text(in.bytes()));
    return taken(scratch.push(shape.label_keys, key));
  }));
  return take_type(type, metric, shape);
}

// Exemplar: value = 1, timestamp = 2, attachments = 3.
Result<> read_exemplar(std::string_view message, Scratch& scratch, DataPoint& point) {
  otlp::Exemplar out;
  out.type = NumberType::real;
  AttributeSetter attachments(scratch, out.filtered_attributes);
  WEIR_TRY(walk(message, [&](Reader& in) -> Result<bool> {
    if (is_real(in, 1)) return out.real = in.real(), true;
    if (is_bytes(in, 2)) {
      WEIR_ASSIGN(out.time_unix_nano, read_time(in.bytes()));
      return true;
    }
    if (!is_bytes(in, 3)) return false;
    WEIR_ASSIGN(Entry entry, read_entry(in.bytes()));
    return taken(attachments.set(entry.key, Value::of(entry.value)));
  }));
  if (!scratch.push(point.exemplars, out)) return fail(no_room());
  return {};
}

// Bucket: count = 1, exemplar = 2.
Result<> read_bucket(std::string_view message, Scratch& scratch, DataPoint& point) {
  std::uint64_t count = 0;
  WEIR_TRY(walk(message, [&](Reader& in) -> Result<bool> {
    if (is_varint(in, 1)) return count = in.varint(), true;
    if (!is_bytes(in, 2)) return false;
    WEIR_TRY(read_exemplar(in.bytes(), scratch, point));
    return true;
  }));
  if (!scratch.push(point.bucket_counts, count)) return fail(no_room());
  return {};
}

// BucketOptions: explicit = 1; that one: bounds = 1, packed or not.
Result<> read_bounds(std::string_view options, Scratch& scratch, DataPoint& point) {
  auto add = [&](double bound) { return taken(scratch.push(point.explicit_bounds, bound)); };
  return walk(options, [&](Reader& outer) -> Result<bool> {
    if (!is_bytes(outer, 1)) return false;
    WEIR_TRY(walk(outer.bytes(), [&](Reader& in) -> Result<bool> {
      if (is_real(in, 1)) return add(in.real());
      if (!is_bytes(in, 1)) return false;
      Reader packed(in.bytes());
      while (packed.ok() && !packed.rest().empty()) {
        double bound = packed.real();
        if (packed.ok()) WEIR_TRY(add(bound));
      }
      if (!packed.ok()) return fail(malformed());
      return true;
    }));
    return true;
  });
}

// DistributionValue: count = 1, sum = 2, bucket_options = 4, buckets = 5.
Result<> read_distribution(std::string_view message, Scratch& scratch, DataPoint& point) {
  return walk(message, [&](Reader& in) -> Result<bool> {
    if (is_varint(in, 1)) return point.count = in.varint(), true;
    if (is_real(in, 2)) return point.sum = in.real(), true;
    if (is_bytes(in, 4)) {
      WEIR_TRY(read_bounds(in.bytes(), scratch, point));
      return true;
    }
    if (!is_bytes(in, 5)) return false;
    WEIR_TRY(read_bucket(in.bytes(), scratch, point));
    return true;
  });
}

// Snapshot: percentile_values = 3; each: percentile = 1, value = 2.
Result<> read_snapshot(std::string_view message, Scratch& scratch, DataPoint& point) {
  return walk(message, [&](Reader& outer) -> Result<bool> {
    if (!is_bytes(outer, 3)) return false;
    DataPoint::Quantile quantile;
    WEIR_TRY(walk(outer.bytes(), [&](Reader& in) -> Result<bool> {
      if (is_real(in, 1)) return quantile.quantile = in.real() / 100, true;
      if (is_real(in, 2)) return quantile.value = in.real(), true;
      return false;
    }));
    return taken(scratch.push(point.quantiles, quantile));
  });
}

// SummaryValue: count = 1, sum = 2, snapshot = 3.
Result<> read_summary(std::string_view message, Scratch& scratch, DataPoint& point) {
  return walk(message, [&](Reader& in) -> Result<bool> {
    if (!in.is(WireType::bytes) || in.field() > 3) return false;
    std::string_view part = in.bytes();
    if (in.field() == 1) {
      WEIR_ASSIGN(point.count, read_number(part));
    } else if (in.field() == 2) {
      WEIR_ASSIGN(point.sum, read_double(part));
    } else {
      WEIR_TRY(read_snapshot(part, scratch, point));
    }
    return true;
  });
}

// Point: timestamp = 1 and one of int64_value = 2, double_value = 3, distribution_value = 4, summary_value = 5. A value of another kind
// than the metric's is none.
Result<> read_point(std::string_view message, Scratch& scratch, const Metric& metric, DataPoint& point) {
  return walk(message, [&](Reader& in) -> Result<bool> {
    if (is_bytes(in, 1)) {
      WEIR_ASSIGN(point.time_unix_nano, read_time(in.bytes()));
      return true;
    }
    if (is_varint(in, 2) && point.type == NumberType::integer) return point.integer = static_cast<std::int64_t>(in.varint()), true;
    if (is_real(in, 3) && point.type == NumberType::real) return point.real = in.real(), true;
    if (is_bytes(in, 4) && metric.type == MetricType::histogram) {
      WEIR_TRY(read_distribution(in.bytes(), scratch, point));
      return true;
    }
    if (!is_bytes(in, 5) || metric.type != MetricType::summary) return false;
    WEIR_TRY(read_summary(in.bytes(), scratch, point));
    return true;
  });
}

// LabelValue: value = 1, has_value = 2; in the order of the metric's keys. `bytes`: about what they take in each point once encoded.
Result<> read_labels(std::string_view series, Scratch& scratch, const Shape& shape, otlp::Attributes& out, std::size_t& bytes) {
  AttributeSetter setter(scratch, out);
  std::size_t at = 0;
  return walk(series, [&](Reader& outer) -> Result<bool> {
    if (!is_bytes(outer, 2)) return false;
    std::string_view value;
    bool has_value = false;
    WEIR_TRY(walk(outer.bytes(), [&](Reader& in) -> Result<bool> {
      if (is_bytes(in, 1)) return value = in.bytes(), true;
      if (is_varint(in, 2)) return has_value = in.varint() != 0, true;
      return false;
    }));
    std::size_t label = at++;
    if (!has_value || label >= shape.label_keys.size()) return true;
    bytes += shape.label_keys[label].size() + value.size() + 16;
    return taken(setter.set(shape.label_keys[label], Value::of(value)));
  });
}

// TimeSeries: start_timestamp = 1, label_values = 2, points = 3. Its points share the list of attributes.
Result<> read_series(std::string_view message, Scratch& scratch, const Shape& shape, Metric& metric) {
  DataPoint model;
  model.type = shape.number;
  model.has_sum = metric.type == MetricType::histogram || metric.type == MetricType::summary;
  std::size_t label_bytes = 0;
  WEIR_TRY(read_labels(message, scratch, shape, model.attributes, label_bytes));
  WEIR_TRY(walk(message, [&](Reader& in) -> Result<bool> {
    if (!is_bytes(in, 1)) return false;
    WEIR_ASSIGN(model.start_time_unix_nano, read_time(in.bytes()));
    return true;
  }));
  return walk(message, [&](Reader& in) -> Result<bool> {
    if (!is_bytes(in, 3)) return false;
    DataPoint point = model;
    WEIR_TRY(read_point(in.bytes(), scratch, metric, point));
    return taken(scratch.take(label_bytes) && scratch.push(metric.points, point));
  });
}

std::size_t count_points(std::string_view message) {
  std::size_t points = 0;
  auto count = [&](std::string_view series) {
    return walk(series, [&](Reader& in) -> Result<bool> { return points += is_bytes(in, 3), false; });
  };
  (void)walk(message, [&](Reader& in) -> Result<bool> {
    if (!is_bytes(in, 2)) return false;
    WEIR_TRY(count(in.bytes()));
    return true;
  });
  return points;
}

}  // namespace

// Metric: metric_descriptor = 1, timeseries = 2.
Result<bool> read_metric(std::string_view message, Scratch& scratch, Metric& metric, std::size_t& lost) {
  Shape shape;
  bool known = false;
  WEIR_TRY(walk(message, [&](Reader& in) -> Result<bool> {
    if (!is_bytes(in, 1)) return false;
    WEIR_ASSIGN(known, read_descriptor(in.bytes(), scratch, metric, shape));
    return true;
  }));
  if (!known) {
    lost += std::max<std::size_t>(count_points(message), 1);
    return false;
  }
  WEIR_TRY(walk(message, [&](Reader& in) -> Result<bool> {
    if (!is_bytes(in, 2)) return false;
    WEIR_TRY(read_series(in.bytes(), scratch, shape, metric));
    return true;
  }));
  return true;
}

}  // namespace weir::receivers::opencensus
