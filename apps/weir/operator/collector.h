#pragma once
// OpenTelemetryCollector resources (opentelemetry.io/v1beta1): what the operator makes of one. Pure.
#include "inject/instrumentation.h"

namespace weir::app {

struct CollectorOptions {
  std::string image = "weir:latest";  // of collectors that name none
};

// What is to be in the cluster for a collector.
struct Manifests {
  std::vector<config::Value> objects;
  std::vector<std::string> unsupported;  // settings that nothing is made of, for the status
};

// Fills in what was left out.
void apply_collector_defaults(config::Value& collector);
// `before`: the resource as it was, null when it is new.
inject::Verdict check_collector(const config::Value& collector, const config::Value* before);
// Errc::config when the configuration cannot be read.
Result<Manifests> manifests_of(const config::Value& collector, const CollectorOptions& options);

// Which sidecar a pod asks for by its annotation or its namespace's: "", "true", "name" or "namespace/name".
std::string wanted_sidecar(const config::Value& pod, const config::Value& name_space);
// Adds the collector's container to the pod, unless it has one. False when there is nothing to do.
bool add_sidecar(config::Value& pod, const config::Value& collector, const CollectorOptions& options);

// Where something is in the API: of the kinds that manifests_of makes.
std::string path_of(const config::Value& object);

}  // namespace weir::app
