#include "components/shared/totals/totals.h"

#include "base/number.h"
#include "components/shared/matching/constant.h"

namespace weir::totals {

namespace {

// Numbers, and texts that are one.
std::optional<double> number_of(const otlp::Value* value) {
  if (value == nullptr) return {};
  switch (value->type) {
    case otlp::ValueType::integer: return static_cast<double>(value->integer);
    case otlp::ValueType::real: return value->real;
    case otlp::ValueType::string: return parse_go_double(value->text);
    default: return {};
  }
}

}  // namespace

Result<Totals> Totals::make(ottl::ContextId context, const Definitions& definitions) {
  Totals out;
  for (auto& metric : definitions) {
    Metric made{.name = metric.name, .description = metric.description, .source = metric.source, .conditions = {}, .attributes = {}, .series = {}};
    WEIR_ASSIGN(made.conditions, ottl::Conditions::compile(context, metric.conditions, {.caller = ottl::Callers::filter}));
    for (auto& attribute : metric.attributes) made.attributes.emplace_back(attribute.key, matching::to_otlp(attribute.default_value, *out.constants_));
    out.metrics_.push_back(std::move(made));
  }
  return out;
}

Result<> Totals::add(ottl::EvalContext& c, const otlp::Attributes* item, Arena& into) {
  for (auto& metric : metrics_) {
    std::optional<double> value = metric.source.empty() ? 1.0 : number_of(item ? item->find(metric.source) : nullptr);
    if (!value) continue;
    WEIR_ASSIGN(bool complete, find_attributes(metric, c, item));
    if (!complete) continue;
    if (!metric.conditions.empty()) {
      c.next_item();
      WEIR_ASSIGN(bool holds, metric.conditions.any(c, ottl::ErrorMode::propagate));
      if (!holds) continue;
    }
    key_.clear();
    for (auto* found : found_) {
      std::size_t mark = key_.size();
      otlp::encode(*found, key_);
      key_.close(1, mark);
    }
    auto at = metric.series.find(key_.view());
    if (at == metric.series.end()) {
      at = metric.series.emplace(std::string(key_.view()), Series{}).first;
      for (std::size_t i = 0; i < found_.size(); ++i) at->second.attributes.push_back(into, {into.copy(metric.attributes[i].first), found_[i]->deep_copy(into)});
    }
    at->second.count++;
    at->second.sum += *value;
  }
  return {};
}

// False: one is nowhere.
Result<bool> Totals::find_attributes(const Metric& metric, ottl::EvalContext& c, const otlp::Attributes* item) {
  found_.clear();
  for (auto& [key, standard] : metric.attributes) {
    const otlp::Value* value = item ? item->find(key) : nullptr;
    const bool shared = value == nullptr;
    if (value == nullptr) value = c.scope->scope.read(c.arena()).attributes.find(key);
    if (value == nullptr) value = c.resource->resource.read(c.arena()).attributes.find(key);
    if (value == nullptr && !standard.is(otlp::ValueType::empty)) value = &standard;
    if (value == nullptr) return false;
    if (shared && !c.read_shared(otlp::encoded_size_at_most(*value))) return fail(Errc::too_large, "{}", c.error);
    found_.push_back(value);
  }
  return true;
}

void Totals::at(std::uint64_t time) {
  if (time == 0) return;
  first_ = first_ == 0 ? time : std::min(first_, time);
  last_ = std::max(last_, time);
}

bool Totals::empty() const {
  return std::all_of(metrics_.begin(), metrics_.end(), [](auto& metric) { return metric.series.empty(); });
}

void Totals::write(Arena& into, UnixNanos now, std::vector<otlp::Item>& out) const {
  for (auto& definition : metrics_) {
    if (definition.series.empty()) continue;
    auto* metric = into.make<otlp::Metric>();
    metric->name = into.copy(definition.name);
    metric->description = into.copy(definition.description);
    metric->type = otlp::MetricType::sum;
    metric->temporality = otlp::Temporality::delta;
    metric->is_monotonic = definition.source.empty();
    for (auto& [key, series] : definition.series) {
      auto& point = metric->points.push_back(into, {});
      point.attributes = series.attributes;
      point.start_time_unix_nano = first_ ? first_ : now;
      point.time_unix_nano = first_ ? last_ : now;
      point.type = definition.source.empty() ? otlp::NumberType::integer : otlp::NumberType::real;
      if (definition.source.empty()) point.integer = series.count;
      else point.real = series.sum;
    }
    out.push_back(otlp::Item::of(metric, static_cast<std::uint32_t>(metric->points.size())));
  }
}

}  // namespace weir::totals
