#include "components/shared/totals/config.h"

#include "components/shared/ottl_settings/places.h"

namespace weir::totals {

using config::field;

std::span<const config::FieldInfo> AttributeConfig::fields() {
  static const std::array rows{
      field<&AttributeConfig::key>("key", "Of the item, else of its scope, else of its resource.", {.required = true}),
      field<&AttributeConfig::default_value>("default_value", "Where there is none. Items that lack an attribute without default are passed over."),
  };
  return rows;
}

std::span<const config::FieldInfo> MetricConfig::fields() {
  static const std::array rows{
      field<&MetricConfig::description>("description", "Of the metric."),
      field<&MetricConfig::conditions>("conditions", "OTTL conditions; an item counts when one of them holds. When absent, all count."),
      field<&MetricConfig::attributes>("attributes", "A series for each combination of their values. Not for metrics."),
  };
  return rows;
}

void check(std::string_view section, ottl::ContextId context, std::string_view name, const MetricConfig& metric, config::Context& problems) {
  std::string at = fmt::format("{}::{}", section, name);
  if (name.empty()) problems.error_at(section, "metric name missing");
  if (context == ottl::ContextId::metric && !metric.attributes.empty()) problems.error_at(at, fmt::format("metrics attributes not supported: metric \"{}\"", name));
  ottl::check_conditions(context, metric.conditions, {.caller = ottl::Callers::filter}, at + "::conditions", problems);
}

Definition definition_of(std::string_view name, const MetricConfig& metric) {
  Definition out{.name = std::string(name), .description = metric.description, .conditions = metric.conditions, .attributes = {}, .source = {}};
  for (auto& attribute : metric.attributes) out.attributes.push_back({attribute.key, attribute.default_value});
  return out;
}

}  // namespace weir::totals
