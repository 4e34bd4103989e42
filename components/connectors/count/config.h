#pragma once
#include "components/shared/totals/config.h"

namespace weir::connectors::count {

struct Config : totals::Contexts<totals::MetricConfig> {
  config::Value profiles;

  static std::span<const config::FieldInfo> fields();

  // What is counted of a context: as configured, otherwise the metric that the collector makes by default.
  totals::Definitions definitions(ottl::ContextId context) const;
};

}  // namespace weir::connectors::count
