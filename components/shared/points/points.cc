#include "components/shared/points/points.h"

#include <algorithm>

#include "base/text.h"

namespace weir::points {

const MetricInfo* find_metric(Table table, std::string_view name) {
  for (auto& row : table)
    if (row.name == name) return &row;
  return nullptr;
}

std::span<const config::Choice> choices_of(Strategy) {
  static constexpr config::Choice rows[] = {{"sum", Strategy::sum}, {"avg", Strategy::average}, {"min", Strategy::minimum}, {"max", Strategy::maximum}};
  return rows;
}

std::span<const config::FieldInfo> MetricSwitch::fields() {
  static const std::array rows{
      config::field<&MetricSwitch::enabled>("enabled", "Whether it is told."),
      config::field<&MetricSwitch::aggregation_strategy>("aggregation_strategy", "How points become one that differ in attributes which are not told; otherwise sums are added and gauges averaged."),
      config::field<&MetricSwitch::attributes>("attributes", "Attributes that are told."),
  };
  return rows;
}

namespace {

// "(cpu),state": f(name, only if it is asked for).
template <class F>
void each_name(std::string_view list, F f) {
  for (std::string_view one : split(list, ',')) {
    bool extra = one.starts_with('(');
    f(extra ? one.substr(1, one.size() - 2) : one, extra);
  }
}

bool has_name(const MetricInfo& info, std::string_view name) {
  bool found = info.attributes.empty();
  each_name(info.attributes, [&](std::string_view one, bool) { found = found || one == name; });
  return found;
}

double value_of(const otlp::DataPoint& point, double) { return point.real; }
std::int64_t value_of(const otlp::DataPoint& point, std::int64_t) { return point.integer; }

void set(otlp::DataPoint& point, double value) {
  point.type = otlp::NumberType::real;
  point.real = value;
}

void set(otlp::DataPoint& point, std::int64_t value) {
  point.type = otlp::NumberType::integer;
  point.integer = value;
}

bool same(const otlp::Value& a, const otlp::Value& b) {
  return a.type == b.type && (a.is(otlp::ValueType::string) ? a.text == b.text : a.integer == b.integer);
}

bool equal(const otlp::Attributes& a, const otlp::Attributes& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](auto& x, auto& y) { return x.key == y.key && same(x.value, y.value); });
}

}  // namespace

Result<> check_switches(Table table, const MetricSwitches& switches) {
  for (auto& [name, on] : switches) {
    const MetricInfo* info = find_metric(table, name);
    if (info == nullptr) return fail(Errc::config, "there is no metric {}", name);
    if (!on.attributes) continue;
    for (auto& attribute : *on.attributes)
      if (!has_name(*info, attribute)) return fail(Errc::config, "metric {} doesn't have an attribute {}", name, attribute);
  }
  return {};
}

void Points::scope(std::string name, const MetricSwitches& switches, std::string_view resource_schema) {
  close();
  schema_ = resource_schema;
  scope_ = std::move(name);
  switches_ = &switches;
  rows_.clear();
  resource_ = nullptr;
  fresh_ = true;
}

void Points::resource(std::span<const ResourceAttribute> attributes) {
  close();
  resource_ = arena().make<otlp::Resource>();
  for (auto& [key, value] : attributes) {
    if (value.is(otlp::ValueType::string) && value.text.empty()) continue;
    otlp::Value kept = value;
    if (kept.is(otlp::ValueType::string)) kept = otlp::Value::of(arena().copy(kept.text));
    resource_->attributes.push_back(arena(), {arena().copy(key), kept});
  }
  fresh_ = true;
}

const Points::Row& Points::row_of(std::string_view metric) const {
  if (auto at = rows_.find(metric); at != rows_.end()) return at->second;
  const MetricInfo* info = find_metric(table_, metric);
  Row row{.info = info, .on = info->enabled, .strategy = info->sum ? Strategy::sum : Strategy::average};
  const MetricSwitch* own = nullptr;
  if (auto at = switches_->find(std::string(metric)); at != switches_->end()) own = &at->second;
  if (own != nullptr) row.on = own->enabled;
  if (own != nullptr && own->aggregation_strategy != Strategy::standard) row.strategy = own->aggregation_strategy;
  each_name(info->attributes, [&](std::string_view name, bool extra) {
    bool told = own != nullptr && own->attributes ? std::find(own->attributes->begin(), own->attributes->end(), name) != own->attributes->end() : !extra;
    if (told) row.names.push_back(name);
    else row.filters = true;
  });
  return rows_.emplace(info->name, std::move(row)).first->second;
}

bool Points::wants(std::string_view metric) const { return row_of(metric).on; }

Points::Open& Points::open(const MetricInfo& info) {
  if (std::exchange(fresh_, false)) {
    auto& group = batch_.groups().emplace_back(otlp::Lazy<otlp::Resource>(resource_ ? resource_ : arena().make<otlp::Resource>()));
    group.schema_url = arena().copy(schema_);
    auto* scope = arena().make<otlp::Scope>();
    scope->name = arena().copy(scope_);
    group.scopes.emplace_back(otlp::Lazy<otlp::Scope>(scope));
  }
  auto [at, missing] = open_.try_emplace(info.name);
  if (!missing) return at->second;
  auto* metric = arena().make<otlp::Metric>();
  metric->name = arena().copy(info.name);
  metric->unit = arena().copy(info.unit);
  metric->description = arena().copy(info.description);
  metric->type = info.sum ? otlp::MetricType::sum : otlp::MetricType::gauge;
  if (info.sum) metric->temporality = otlp::Temporality::cumulative;
  metric->is_monotonic = info.monotonic;
  at->second.metric = metric;
  batch_.groups().back().scopes.back().items.push_back(otlp::Item::of(metric, 0));
  return at->second;
}

otlp::DataPoint& Points::add_point(otlp::Metric& metric, otlp::Attributes attributes) {
  otlp::DataPoint made;
  made.time_unix_nano = now_;
  made.start_time_unix_nano = start_;
  made.attributes = attributes;
  return metric.points.push_back(arena(), made);
}

template <class T>
void Points::put(const Row& row, T value, std::span<const Attribute> given) {
  if (!row.on) return;
  Open& to = open(*row.info);
  otlp::Attributes attributes;
  for (auto& a : given)
    if (!row.filters || std::find(row.names.begin(), row.names.end(), a.key) != row.names.end()) attributes.push_back(arena(), {arena().copy(a.key), a.number ? otlp::Value::of(*a.number) : otlp::Value::of(arena().copy(a.value))});
  if (!row.filters) return set(add_point(*to.metric, attributes), value);
  std::size_t at = 0;
  while (at < to.metric->points.size() && !equal(to.metric->points[at].attributes, attributes)) ++at;
  if (at == to.metric->points.size()) {
    to.counts.push_back(1);
    return set(add_point(*to.metric, attributes), value);
  }
  otlp::DataPoint& point = to.metric->points[at];
  T before = value_of(point, T{});
  ++to.counts[at];
  switch (row.strategy) {
    case Strategy::minimum: return set(point, std::min(before, value));
    case Strategy::maximum: return set(point, std::max(before, value));
    default: return set(point, before + value);
  }
}

// The points of the current resource are complete: sums become averages.
void Points::close() {
  for (auto& [name, one] : open_) {
    if (one.counts.empty() || row_of(name).strategy != Strategy::average) continue;
    for (std::size_t i = 0; i < one.counts.size(); ++i) {
      otlp::DataPoint& point = one.metric->points[i];
      if (point.type == otlp::NumberType::real) point.real /= one.counts[i];
      else point.integer /= one.counts[i];
    }
  }
  open_.clear();
}

void Points::add(std::string_view metric, double value, std::initializer_list<Attribute> attributes) { put(row_of(metric), value, std::span(attributes.begin(), attributes.size())); }
void Points::add(std::string_view metric, std::int64_t value, std::initializer_list<Attribute> attributes) { put(row_of(metric), value, std::span(attributes.begin(), attributes.size())); }
void Points::add(const MetricInfo& metric, double value) { set(add_point(*open(metric).metric, {}), value); }
void Points::add(const MetricInfo& metric, std::int64_t value) { set(add_point(*open(metric).metric, {}), value); }

otlp::Batch Points::take() {
  close();
  for (auto& group : batch_.groups())
    for (auto& scope : group.scopes)
      for (auto& item : scope.items) item.points = static_cast<std::uint32_t>(static_cast<otlp::Metric*>(item.message)->points.size());
  batch_.prune();
  batch_.set_bytes(arena().footprint());
  return std::move(batch_);
}

}  // namespace weir::points
