#pragma once
// Settings of the connectors that make totals: metrics by name, for each context.
#include "components/shared/totals/definition.h"
#include "config/field.h"

namespace weir::totals {

struct AttributeConfig {
  std::string key;
  config::Value default_value;
  static std::span<const config::FieldInfo> fields();
};

// One metric that is made.
struct MetricConfig {
  std::string description;
  std::vector<std::string> conditions;
  std::vector<AttributeConfig> attributes;
  static std::span<const config::FieldInfo> fields();
};

// Reports what is wrong with one metric, whose settings stand at `section`::`name`.
void check(std::string_view section, ottl::ContextId context, std::string_view name, const MetricConfig& metric, config::Context& problems);
Definition definition_of(std::string_view name, const MetricConfig& metric);

// `Metric` is a MetricConfig, or has one as its base.
template <class Metric>
struct Contexts {
  using Metrics = std::map<std::string, Metric>;  // by name
  Metrics spans, spanevents, metrics, datapoints, logs;

  const Metrics& of(ottl::ContextId context) const {
    switch (context) {
      case ottl::ContextId::span: return spans;
      case ottl::ContextId::spanevent: return spanevents;
      case ottl::ContextId::metric: return metrics;
      case ottl::ContextId::datapoint: return datapoints;
      default: return logs;
    }
  }
  void validate(config::Context& problems) const {
    constexpr std::pair<std::string_view, ottl::ContextId> sections[] = {{"spans", ottl::ContextId::span},
                                                                         {"spanevents", ottl::ContextId::spanevent},
                                                                         {"metrics", ottl::ContextId::metric},
                                                                         {"datapoints", ottl::ContextId::datapoint},
                                                                         {"logs", ottl::ContextId::log}};
    for (auto& [section, context] : sections)
      for (auto& [name, metric] : of(context)) check(section, context, name, metric, problems);
  }
};

}  // namespace weir::totals
