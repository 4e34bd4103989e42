#pragma once
#include "components/shared/kubernetes/kubernetes.h"
#include "components/shared/points/points.h"

namespace weir::receivers::kubeletstats {

enum class Group : std::uint8_t { container, pod, node, volume };
std::span<const config::Choice> choices_of(Group);
enum class Label : std::uint8_t { container_id, volume_type };
std::span<const config::Choice> choices_of(Label);

struct AllInterfaces {
  bool node = false, pod = false;
  static std::span<const config::FieldInfo> fields();
};

struct Config {
  kubernetes::AuthType auth_type = kubernetes::AuthType::tls;
  std::string context, endpoint, ca_file, cert_file, key_file;
  bool insecure_skip_verify = false;
  Duration collection_interval = 10s, initial_delay = 1s;
  std::vector<Label> extra_metadata_labels;
  std::vector<Group> metric_groups = {Group::container, Group::pod, Group::node};
  std::string node;
  std::optional<kubernetes::ApiConfig> k8s_api_config;
  AllInterfaces collect_all_network_interfaces;
  points::MetricSwitches metrics;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;

  bool collects(Group group) const;
  bool wants(Label label) const;
  bool wants(std::string_view metric) const;
  // The list of pods is needed besides the summary.
  bool wants_pods() const;
};

points::Table table();

}  // namespace weir::receivers::kubeletstats
