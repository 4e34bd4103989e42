#include "components/shared/series_churn/churn.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "engine/component.h"

namespace weir::series_churn {
namespace {

constexpr std::size_t max_metrics = 128, max_labels = 24, max_name = 256;
constexpr std::size_t told_metrics = 10, told_labels = 3;

telemetry::Labels with(telemetry::Labels labels, std::initializer_list<std::pair<std::string, std::string>> more) {
  labels.insert(labels.end(), more);
  return labels;
}

}  // namespace

void Distinct::add(std::uint64_t hash) {
  auto& most = most_zeros_[hash >> 58];
  most = std::max(most, static_cast<std::uint8_t>(std::countl_zero(hash << 6 | 1) + 1));
}

double Distinct::estimate() const {
  constexpr double n = 64;
  double sum = 0;
  for (auto zeros : most_zeros_) sum += std::ldexp(1.0, -zeros);
  double raw = 0.709 * n * n / sum;
  auto empty = static_cast<double>(std::count(most_zeros_.begin(), most_zeros_.end(), 0));
  return std::round(raw <= 2.5 * n && empty > 0 ? n * std::log(n / empty) : raw);
}

Churn::Churn(telemetry::Registry& registry, telemetry::Labels component)
    : component_(std::move(component)), source_(registry.add_source([this](std::vector<telemetry::Family>& out) { tell(out); })) {}

std::shared_ptr<Churn> Churn::of(engine::Host& host, std::string_view kind, const std::string& id) {
  auto made = host.shared(fmt::format("series churn {} {}", kind, id), [&] { return std::make_shared<Churn>(host.metrics(), telemetry::Labels{{std::string(kind), id}}); });
  return std::static_pointer_cast<Churn>(std::move(made));
}

// Space-saving: a metric that is not among them takes the place, and the count, of the one with the fewest.
Churn::MetricCount& Churn::slot(std::string_view metric) {
  auto there = std::ranges::find(metrics_, metric, &MetricCount::name);
  if (there != metrics_.end()) return *there;
  if (metrics_.size() < max_metrics) return metrics_.emplace_back(MetricCount{.name = std::string(metric), .series = 0, .labels = {}});
  MetricCount& fewest = *std::ranges::min_element(metrics_, {}, &MetricCount::series);
  fewest.name = metric;
  fewest.labels.clear();
  return fewest;
}

void Churn::added(std::string_view metric, std::span<const Label> labels) {
  std::lock_guard lock(mutex_);
  ++all_;
  MetricCount& count = slot(metric.substr(0, max_name));
  ++count.series;
  for (const Label& label : labels) {
    std::string_view name = label.name.substr(0, max_name);
    auto at = std::ranges::find(count.labels, name, &LabelCount::name);
    if (at == count.labels.end()) {
      if (count.labels.size() == max_labels) continue;
      at = count.labels.insert(at, LabelCount{std::string(name), {}});
    }
    at->values.add(label.value_hash);
  }
}

void Churn::tell(std::vector<telemetry::Family>& out) const {
  std::lock_guard lock(mutex_);
  telemetry::Family all{"weir_series_added", "Series that were new to a component.", "", telemetry::Type::counter, {}};
  telemetry::Family by_metric{"weir_series_added_by_metric", "Series that were new to a component, of the metrics with most of them.", "", telemetry::Type::counter, {}};
  telemetry::Family values{"weir_series_label_values", "Values that a label had in new series of those metrics, about.", "", telemetry::Type::gauge, {}};
  all.samples.push_back({.labels = component_, .value = static_cast<double>(all_)});
  std::vector<const MetricCount*> most;
  for (auto& metric : metrics_) most.push_back(&metric);
  std::size_t told = std::min(most.size(), told_metrics);
  std::partial_sort(most.begin(), most.begin() + static_cast<std::ptrdiff_t>(told), most.end(), [](auto* a, auto* b) { return a->series > b->series; });
  most.resize(told);
  for (auto* metric : most) {
    by_metric.samples.push_back({.labels = with(component_, {{"metric", metric->name}}), .value = static_cast<double>(metric->series)});
    std::vector<std::pair<double, std::string_view>> labels;
    for (auto& label : metric->labels) labels.emplace_back(label.values.estimate(), label.name);
    std::ranges::sort(labels, std::greater());
    labels.resize(std::min(labels.size(), told_labels));
    for (auto& [estimate, name] : labels) values.samples.push_back({.labels = with(component_, {{"metric", metric->name}, {"label", std::string(name)}}), .value = estimate});
  }
  for (auto* family : {&all, &by_metric, &values}) out.push_back(std::move(*family));
}

}  // namespace weir::series_churn
