#include "components/connectors/signaltometrics/definition.h"

#include "base/number.h"
#include "components/shared/matching/constant.h"

namespace weir::connectors::signaltometrics {
namespace {

using ottl::Kind;

Result<double> number_of(const ottl::Value& value, std::string_view what) {
  if (value.kind == Kind::real) return value.real;
  if (value.kind == Kind::integer) return static_cast<double>(value.integer);
  return fail(Errc::invalid, "{} is no number but {}", what, to_string(value.kind));
}

Result<ottl::Expression> compile(ottl::ContextId context, std::string_view text) { return ottl::Expression::compile(context, text, {.caller = ottl::Callers::metrics}); }

}  // namespace

Result<std::vector<Definition::Source>> Definition::sources(const std::vector<Attribute>& attributes, ottl::ContextId context, Arena& constants) {
  std::vector<Source> out;
  for (auto& attribute : attributes) {
    Source source{.key = attribute.key, .optional = attribute.optional, .standard = matching::to_otlp(attribute.default_value, constants), .keys = {}};
    if (!attribute.keys_expression.empty()) {
      WEIR_ASSIGN(auto keys, compile(context, attribute.keys_expression));
      source.keys.emplace(std::move(keys));
    }
    out.push_back(std::move(source));
  }
  return out;
}

Result<Definition> Definition::make(const Metric& metric, ottl::ContextId context) {
  Definition out;
  out.name_ = metric.name, out.description_ = metric.description, out.unit_ = metric.unit;
  WEIR_ASSIGN(out.conditions_, ottl::Conditions::compile(context, metric.conditions, {.caller = ottl::Callers::metrics}));
  WEIR_ASSIGN(out.attributes_, sources(metric.attributes, context, *out.constants_));
  WEIR_ASSIGN(out.resource_, sources(metric.include_resource_attributes, context, *out.constants_));
  std::string value, count;
  if (auto& h = metric.histogram) {
    static const std::vector<double> standard{2, 4, 6, 8, 10, 50, 100, 200, 400, 800, 1000, 1400, 2000, 5000, 10'000, 15'000};
    out.type_ = otlp::MetricType::histogram;
    out.bounds_ = h->buckets.empty() ? standard : h->buckets;
    value = h->value, count = h->count;
  } else if (auto& e = metric.exponential_histogram) {
    out.type_ = otlp::MetricType::exponential_histogram;
    out.max_size_ = static_cast<std::uint32_t>(e->max_size);
    value = e->value, count = e->count;
  } else if (metric.sum) {
    out.monotonic_ = metric.sum->monotonic;
    value = metric.sum->value;
  } else if (metric.gauge) {
    out.type_ = otlp::MetricType::gauge;
    value = metric.gauge->value;
  }
  WEIR_ASSIGN(out.value_, compile(context, value));
  if (!count.empty()) {
    WEIR_ASSIGN(auto expression, compile(context, count));
    out.count_.emplace(std::move(expression));
  }
  return out;
}

Result<bool> Definition::matches(ottl::EvalContext& c, const otlp::Attributes& item) const {
  for (auto& source : attributes_)
    if (!source.keys && !source.optional && source.standard.is(otlp::ValueType::empty) && item.find(source.key) == nullptr) return false;
  if (conditions_.empty()) return true;
  c.next_item();
  return conditions_.any(c, ottl::ErrorMode::propagate);
}

Result<otlp::Attributes> Definition::pick(const std::vector<Source>& sources, ottl::EvalContext& c, const otlp::Attributes& from, Arena& into) {
  otlp::Attributes out;
  auto take = [&](std::string_view key, const otlp::Value& standard) {
    const otlp::Value* value = from.find(key);
    if (value == nullptr && !standard.is(otlp::ValueType::empty)) value = &standard;
    if (value != nullptr && out.find(key) == nullptr) out.push_back(into, {into.copy(key), value->deep_copy(into)});
  };
  for (auto& source : sources) {
    if (!source.keys) {
      take(source.key, source.standard);
      continue;
    }
    ottl::Value keys;
    if (!source.keys->eval(c, keys)) return fail(Errc::invalid, "keys_expression: {}", c.error);
    if (keys.kind != Kind::list) return fail(Errc::invalid, "keys_expression gives no list but {}", to_string(keys.kind));
    for (auto& key : *keys.list)
      if (key.is(otlp::ValueType::string)) take(key.text, source.standard);
  }
  return out;
}

Result<otlp::Attributes> Definition::attributes_of(ottl::EvalContext& c, const otlp::Attributes& item, Arena& into) const { return pick(attributes_, c, item, into); }

Result<otlp::Attributes> Definition::resource_of(ottl::EvalContext& c, const otlp::Attributes& resource, Arena& into) const {
  if (!resource_.empty()) return pick(resource_, c, resource, into);
  otlp::Attributes out;
  for (auto& kv : resource) out.push_back(into, {into.copy(kv.key), kv.value.deep_copy(into)});
  return out;
}

Result<bool> Definition::evaluate(ottl::EvalContext& c) {
  c.next_item();
  if (!value_.eval(c, found_)) return fail(Errc::invalid, "{}: {}", name_, c.error);
  if (found_.kind == Kind::nil && type_ == otlp::MetricType::gauge) return false;
  WEIR_TRY(number_of(found_, "value"));
  times_ = 1;
  if (!count_) return true;
  ottl::Value count;
  if (!count_->eval(c, count)) return fail(Errc::invalid, "{}: {}", name_, c.error);
  WEIR_ASSIGN(double times, number_of(count, "count"));
  times_ = count.kind == Kind::integer ? count.integer : go_int_of(times);
  if (times_ < 0) return fail(Errc::invalid, "{}: count is {}", name_, times_);
  return times_ > 0;
}

Result<> Definition::add_to(Series& series) const {
  WEIR_ASSIGN(double value, number_of(found_, "value"));
  auto times = static_cast<std::uint64_t>(times_);
  switch (type_) {
    case otlp::MetricType::gauge:
      series.real = found_.kind == Kind::real;
      series.integer = series.real ? 0 : found_.integer;
      series.number = value;
      return {};
    case otlp::MetricType::sum:
      if (found_.kind == Kind::real) series.real = true;
      else series.integer = static_cast<std::int64_t>(static_cast<std::uint64_t>(series.integer) + static_cast<std::uint64_t>(found_.integer));
      series.number += value;
      return {};
    case otlp::MetricType::histogram: {
      if (series.counts.empty()) series.counts.resize(bounds_.size() + 1);
      series.counts[static_cast<std::size_t>(std::ranges::lower_bound(bounds_, value) - bounds_.begin())] += times;
      series.count += times;
      series.sum += value * static_cast<double>(times);
      return {};
    }
    default:
      if (!(value >= 0)) return fail(Errc::invalid, "{}: an exponential histogram cannot take {}", name_, value);
      if (!series.exponential) series.exponential.emplace(max_size_);
      series.exponential->add(value, times);
      return {};
  }
}

otlp::Metric* Definition::empty_metric(Arena& into) const {
  auto* out = into.make<otlp::Metric>();
  out->name = into.copy(name_), out->description = into.copy(description_), out->unit = into.copy(unit_);
  out->type = type_;
  out->is_monotonic = monotonic_;
  if (type_ != otlp::MetricType::gauge) out->temporality = otlp::Temporality::delta;
  return out;
}

void Definition::write(const Series& series, UnixNanos now, Arena& into, otlp::Metric& metric) const {
  auto& point = metric.points.push_back(into, {});
  point.attributes = series.attributes;
  point.time_unix_nano = static_cast<std::uint64_t>(now);
  switch (type_) {
    case otlp::MetricType::histogram:
      point.count = series.count, point.sum = series.sum, point.has_sum = true;
      for (auto count : series.counts) point.bucket_counts.push_back(into, count);
      for (auto bound : bounds_) point.explicit_bounds.push_back(into, bound);
      return;
    case otlp::MetricType::exponential_histogram: series.exponential->write(into, point); return;
    default:
      point.type = series.real ? otlp::NumberType::real : otlp::NumberType::integer;
      if (series.real) point.real = series.number;
      else point.integer = series.integer;
  }
}

}  // namespace weir::connectors::signaltometrics
