#pragma once
#include "components/shared/kubernetes/kubernetes.h"
#include "components/shared/points/points.h"

namespace weir::receivers::k8s_cluster {

enum class Distribution : std::uint8_t { kubernetes, openshift };
std::span<const config::Choice> choices_of(Distribution);

struct Config {
  kubernetes::ApiConfig api;
  Duration collection_interval = 10s;
  std::vector<std::string> node_conditions_to_report = {"Ready"}, allocatable_types_to_report;
  Distribution distribution = Distribution::kubernetes;
  std::string name_space;
  std::vector<std::string> namespaces, metadata_exporters;
  points::MetricSwitches metrics;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
  // Where to look; "" alone: everywhere.
  std::vector<std::string> places() const;
};

points::Table table();

}  // namespace weir::receivers::k8s_cluster
