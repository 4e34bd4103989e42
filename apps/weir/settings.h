#pragma once
// A configuration that has been read, checked and bound to components.
#include "base/log.h"
#include "config/value.h"
#include "engine/plan.h"
#include "telemetry/metrics.h"

namespace weir::app {

// What service::telemetry asks for.
struct OwnTelemetry {
  std::vector<std::string> prometheus_endpoints;  // host:port
  telemetry::Labels resource;                     // service_name, service_version, service_instance_id, ...
  log::Options logs;
};

struct Loaded {
  engine::PlanSpec spec;
  OwnTelemetry own;
  config::Value tree;  // after merging and expansion, for print-config
};

}  // namespace weir::app
