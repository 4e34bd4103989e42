#include "components/connectors/count/counter.h"

#include "components/shared/matching/constant.h"

namespace weir::connectors::count {

Result<Counter> Counter::make(ottl::ContextId context, const Metrics& metrics) {
  Counter out;
  for (auto& [name, metric] : metrics) {
    Definition made{.name = name, .description = metric.description, .conditions = {}, .attributes = {}, .series = {}};
    WEIR_ASSIGN(made.conditions, ottl::Conditions::compile(context, metric.conditions, {.caller = ottl::Callers::filter}));
    for (auto& attribute : metric.attributes) made.attributes.emplace_back(attribute.key, matching::to_otlp(attribute.default_value, *out.constants_));
    out.metrics_.push_back(std::move(made));
  }
  return out;
}

Result<> Counter::add(ottl::EvalContext& c, const otlp::Attributes* item, Arena& into) {
  for (auto& metric : metrics_) {
    auto attributes = attributes_of(metric, c, item, into);
    if (!attributes) continue;
    if (!metric.conditions.empty()) {
      c.next_item();
      WEIR_ASSIGN(bool holds, metric.conditions.any(c, ottl::ErrorMode::propagate));
      if (!holds) continue;
    }
    key_.clear();
    for (auto& kv : *attributes) {
      std::size_t mark = key_.size();
      otlp::encode(kv.value, key_);
      key_.close(1, mark);
    }
    auto at = metric.series.find(key_.view());
    if (at == metric.series.end()) at = metric.series.emplace(std::string(key_.view()), Series{*attributes}).first;
    at->second.count++;
  }
  return {};
}

std::optional<otlp::Attributes> Counter::attributes_of(const Definition& metric, ottl::EvalContext& c, const otlp::Attributes* item, Arena& into) {
  otlp::Attributes out;
  for (auto& [key, standard] : metric.attributes) {
    const otlp::Value* value = item ? item->find(key) : nullptr;
    if (value == nullptr) value = c.scope->scope.read(c.arena()).attributes.find(key);
    if (value == nullptr) value = c.resource->resource.read(c.arena()).attributes.find(key);
    if (value == nullptr && !standard.is(otlp::ValueType::empty)) value = &standard;
    if (value == nullptr) return {};
    out.push_back(into, {into.copy(key), value->deep_copy(into)});
  }
  return out;
}

void Counter::at(std::uint64_t time) {
  if (time == 0) return;
  first_ = first_ == 0 ? time : std::min(first_, time);
  last_ = std::max(last_, time);
}

bool Counter::empty() const {
  return std::all_of(metrics_.begin(), metrics_.end(), [](auto& metric) { return metric.series.empty(); });
}

void Counter::write(Arena& into, UnixNanos now, std::vector<otlp::Item>& out) const {
  for (auto& definition : metrics_) {
    if (definition.series.empty()) continue;
    auto* metric = into.make<otlp::Metric>();
    metric->name = into.copy(definition.name);
    metric->description = into.copy(definition.description);
    metric->type = otlp::MetricType::sum;
    metric->temporality = otlp::Temporality::delta;
    metric->is_monotonic = true;
    for (auto& [key, series] : definition.series) {
      auto& point = metric->points.push_back(into, {});
      point.attributes = series.attributes;
      point.start_time_unix_nano = first_ ? first_ : now;
      point.time_unix_nano = first_ ? last_ : now;
      point.type = otlp::NumberType::integer;
      point.integer = series.count;
    }
    out.push_back(otlp::Item::of(metric, static_cast<std::uint32_t>(metric->points.size())));
  }
}

}  // namespace weir::connectors::count
