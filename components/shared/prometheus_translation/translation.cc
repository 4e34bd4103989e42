#include "components/shared/prometheus_translation/translation.h"

namespace weir::prometheus {
namespace {

constexpr std::string_view name_key = "service.name", namespace_key = "service.namespace", instance_key = "service.instance.id";

}  // namespace

std::span<const config::Choice> choices_of(Strategy) {
  static constexpr std::array choices{config::Choice("UnderscoreEscapingWithSuffixes", Strategy::underscores_with_suffixes),
                                      config::Choice("UnderscoreEscapingWithoutSuffixes", Strategy::underscores),
                                      config::Choice("NoUTF8EscapingWithSuffixes", Strategy::utf8_with_suffixes),
                                      config::Choice("NoTranslation", Strategy::none)};
  return choices;
}

std::span<const config::FieldInfo> ResourceConversion::fields() {
  using config::field;
  static const std::array rows{
      field<&ResourceConversion::enabled>("enabled", "Make labels of all resource attributes."),
      field<&ResourceConversion::exclude_service_attributes>("exclude_service_attributes",
                                                             "But not of those that job and instance are made of."),
  };
  return rows;
}

bool is_identity(std::string_view key) { return key == name_key || key == namespace_key || key == instance_key; }

void ResourceConversion::apply(const otlp::Attributes& resource, Arena& arena, otlp::Attributes& point) const {
  if (!enabled) return;
  for (auto& kv : resource)
    if (!exclude_service_attributes || !is_identity(kv.key)) point.set(arena, kv.key, kv.value);
}

MetricKind kind_of(const otlp::Metric& metric) {
  switch (metric.type) {
    case otlp::MetricType::gauge: return MetricKind::gauge;
    case otlp::MetricType::sum: return metric.is_monotonic ? MetricKind::counter : MetricKind::up_down_counter;
    case otlp::MetricType::histogram:
    case otlp::MetricType::exponential_histogram: return MetricKind::histogram;
    case otlp::MetricType::summary: return MetricKind::summary;
    case otlp::MetricType::none: break;
  }
  return MetricKind::unknown;
}

Identity Identity::of(const otlp::Attributes& resource) {
  Identity out;
  if (auto* name = resource.find(name_key)) {
    out.job = otlp::to_text(*name);
    if (auto* space = resource.find(namespace_key)) out.job = otlp::to_text(*space) + "/" + *out.job;
  }
  if (auto* instance = resource.find(instance_key)) out.instance = otlp::to_text(*instance);
  return out;
}

}  // namespace weir::prometheus
