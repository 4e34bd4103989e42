#include "components/shared/points/points.h"

#include <algorithm>

namespace weir::points {

const MetricInfo* find_metric(Table table, std::string_view name) {
  for (auto& row : table)
    if (row.name == name) return &row;
  return nullptr;
}

std::span<const config::FieldInfo> MetricSwitch::fields() {
  static const std::array rows{config::field<&MetricSwitch::enabled>("enabled", "Whether it is told.")};
  return rows;
}

Result<> check_switches(Table table, const MetricSwitches& switches) {
  for (auto& [name, on] : switches)
    if (find_metric(table, name) == nullptr) return fail(Errc::config, "there is no metric {}", name);
  return {};
}

void Points::scope(std::string name, const MetricSwitches& switches) {
  scope_ = std::move(name);
  switches_ = &switches;
  resource_ = nullptr;
  fresh_ = true;
}

void Points::resource(std::span<const ResourceAttribute> attributes) {
  resource_ = arena().make<otlp::Resource>();
  for (auto& [key, value] : attributes) {
    if (value.is(otlp::ValueType::string) && value.text.empty()) continue;
    otlp::Value kept = value;
    if (kept.is(otlp::ValueType::string)) kept = otlp::Value::of(arena().copy(kept.text));
    resource_->attributes.push_back(arena(), {arena().copy(key), kept});
  }
  fresh_ = true;
}

const MetricInfo* Points::wanted(std::string_view metric) const {
  const MetricInfo* info = find_metric(table_, metric);
  bool on = info->enabled;
  if (auto at = switches_->find(std::string(metric)); at != switches_->end()) on = at->second.enabled;
  return on ? info : nullptr;
}

bool Points::wants(std::string_view metric) const { return wanted(metric) != nullptr; }

otlp::DataPoint* Points::point(const MetricInfo* info, std::initializer_list<Attribute> attributes) {
  if (info == nullptr) return nullptr;
  if (std::exchange(fresh_, false)) {
    open_.clear();
    auto& group = batch_.groups().emplace_back(otlp::Lazy<otlp::Resource>(resource_ ? resource_ : arena().make<otlp::Resource>()));
    auto* scope = arena().make<otlp::Scope>();
    scope->name = arena().copy(scope_);
    group.scopes.emplace_back(otlp::Lazy<otlp::Scope>(scope));
  }
  auto at = std::find_if(open_.begin(), open_.end(), [&](auto& one) { return one.first == info->name; });
  if (at == open_.end()) {
    auto* metric = arena().make<otlp::Metric>();
    metric->name = arena().copy(info->name);
    metric->unit = arena().copy(info->unit);
    metric->description = arena().copy(info->description);
    metric->type = info->sum ? otlp::MetricType::sum : otlp::MetricType::gauge;
    if (info->sum) metric->temporality = otlp::Temporality::cumulative;
    metric->is_monotonic = info->monotonic;
    at = open_.insert(open_.end(), {metric->name, metric});
    batch_.groups().back().scopes.back().items.push_back(otlp::Item::of(metric, 0));
  }
  otlp::DataPoint made;
  made.time_unix_nano = now_;
  made.start_time_unix_nano = start_;
  for (auto& a : attributes) made.attributes.push_back(arena(), {a.key, otlp::Value::of(arena().copy(a.value))});
  return &at->second->points.push_back(arena(), made);
}

namespace {

void set(otlp::DataPoint* point, double value) {
  if (point == nullptr) return;
  point->type = otlp::NumberType::real;
  point->real = value;
}

void set(otlp::DataPoint* point, std::int64_t value) {
  if (point == nullptr) return;
  point->type = otlp::NumberType::integer;
  point->integer = value;
}

}  // namespace

void Points::add(std::string_view metric, double value, std::initializer_list<Attribute> attributes) { set(point(wanted(metric), attributes), value); }
void Points::add(std::string_view metric, std::int64_t value, std::initializer_list<Attribute> attributes) { set(point(wanted(metric), attributes), value); }
void Points::add(const MetricInfo& metric, double value) { set(point(&metric, {}), value); }
void Points::add(const MetricInfo& metric, std::int64_t value) { set(point(&metric, {}), value); }

otlp::Batch Points::take() {
  for (auto& group : batch_.groups())
    for (auto& scope : group.scopes)
      for (auto& item : scope.items) item.points = static_cast<std::uint32_t>(static_cast<otlp::Metric*>(item.message)->points.size());
  batch_.prune();
  batch_.set_bytes(arena().footprint());
  return std::move(batch_);
}

}  // namespace weir::points
