#include "components/receivers/kubeletstats/config.h"

#include <algorithm>

namespace weir::receivers::kubeletstats {

using config::Choice;
using config::field;

namespace {

constexpr bool on = true, off = false, sum = true, gauge = false, monotonic = true, plain = false, integer = true, real = false;
constexpr std::string_view cpu_time = "Total cumulative CPU time (sum of all cores) spent by the container/pod/node since its creation",
                           cpu_usage = "Total CPU usage (sum of all cores per second) averaged over the sample window";
constexpr points::MetricInfo metrics[] = {
    {"container.cpu.time", "s", cpu_time, sum, monotonic, real, on},
    {"container.cpu.usage", "{cpu}", cpu_usage, gauge, plain, real, on},
    {"container.filesystem.available", "By", "Container filesystem available", gauge, plain, integer, on},
    {"container.filesystem.capacity", "By", "Container filesystem capacity", gauge, plain, integer, on},
    {"container.filesystem.usage", "By", "Container filesystem usage", gauge, plain, integer, on},
    {"container.memory.available", "By", "Container memory available", gauge, plain, integer, on},
    {"container.memory.major_page_faults", "1", "Container memory major_page_faults", gauge, plain, integer, on},
    {"container.memory.page_faults", "1", "Container memory page_faults", gauge, plain, integer, on},
    {"container.memory.rss", "By", "Container memory rss", gauge, plain, integer, on},
    {"container.memory.usage", "By", "Container memory usage", gauge, plain, integer, on},
    {"container.memory.working_set", "By", "Container memory working_set", gauge, plain, integer, on},
    {"container.uptime", "s", "The time since the container started", sum, monotonic, integer, off},
    {"k8s.container.cpu.node.utilization", "1", "Container cpu utilization as a ratio of the node's capacity", gauge, plain, real, off},
    {"k8s.container.cpu_limit_utilization", "1", "Container cpu utilization as a ratio of the container's limits", gauge, plain, real, off},
    {"k8s.container.cpu_request_utilization", "1", "Container cpu utilization as a ratio of the container's requests", gauge, plain, real, off},
    {"k8s.container.ephemeral_storage.usage", "By", "Ephemeral storage used by the container.", sum, plain, integer, off},
    {"k8s.container.memory.node.utilization", "1", "Container memory utilization as a ratio of the node's capacity", gauge, plain, real, off},
    {"k8s.container.memory_limit_utilization", "1", "Container memory utilization as a ratio of the container's limits", gauge, plain, real, off},
    {"k8s.container.memory_request_utilization", "1", "Container memory utilization as a ratio of the container's requests", gauge, plain, real, off},
    {"k8s.node.cpu.time", "s", cpu_time, sum, monotonic, real, on},
    {"k8s.node.cpu.usage", "{cpu}", cpu_usage, gauge, plain, real, on},
    {"k8s.node.filesystem.available", "By", "Node filesystem available", gauge, plain, integer, on},
    {"k8s.node.filesystem.capacity", "By", "Node filesystem capacity", gauge, plain, integer, on},
    {"k8s.node.filesystem.inode.count", "{inode}", "Total number of inodes in the node's root filesystem.", sum, plain, integer, off},
    {"k8s.node.filesystem.inode.free", "{inode}", "Number of free inodes in the node's root filesystem.", sum, plain, integer, off},
    {"k8s.node.filesystem.usage", "By", "Node filesystem usage", gauge, plain, integer, on},
    {"k8s.node.memory.available", "By", "Node memory available", gauge, plain, integer, on},
    {"k8s.node.memory.major_page_faults", "1", "Node memory major_page_faults", gauge, plain, integer, on},
    {"k8s.node.memory.page_faults", "1", "Node memory page_faults", gauge, plain, integer, on},
    {"k8s.node.memory.rss", "By", "Node memory rss", gauge, plain, integer, on},
    {"k8s.node.memory.usage", "By", "Node memory usage", gauge, plain, integer, on},
    {"k8s.node.memory.working_set", "By", "Node memory working_set", gauge, plain, integer, on},
    {"k8s.node.network.errors", "1", "Node network errors", sum, monotonic, integer, on},
    {"k8s.node.network.io", "By", "Node network IO", sum, monotonic, integer, on},
    {"k8s.node.pid.limit", "{thread}", "Processes and threads that the node allows.", sum, plain, integer, off},
    {"k8s.node.pid.usage", "{thread}", "Processes and threads that there are on the node.", sum, plain, integer, off},
    {"k8s.node.system_container.cpu.time", "s", "Total cumulative CPU time (sum of all cores) spent by the system container since its creation", sum, monotonic, real, off},
    {"k8s.node.system_container.cpu.usage", "{cpu}", "Total CPU usage (sum of all cores per second) averaged over the sample window for the system container", gauge, plain, real, off},
    {"k8s.node.system_container.memory.usage", "By", "System container memory usage", gauge, plain, integer, off},
    {"k8s.node.system_container.memory.working_set", "By", "System container memory working_set", gauge, plain, integer, off},
    {"k8s.node.uptime", "s", "The time since the node started", sum, monotonic, integer, off},
    {"k8s.pod.cpu.node.utilization", "1", "Pod cpu utilization as a ratio of the node's capacity", gauge, plain, real, off},
    {"k8s.pod.cpu.time", "s", cpu_time, sum, monotonic, real, on},
    {"k8s.pod.cpu.usage", "{cpu}", cpu_usage, gauge, plain, real, on},
    {"k8s.pod.cpu_limit_utilization", "1", "Pod cpu utilization as a ratio of the pod's total container limits. If any container is missing a limit the metric is not emitted.", gauge, plain, real, off},
    {"k8s.pod.cpu_request_utilization", "1", "Pod cpu utilization as a ratio of the pod's total container requests. If any container is missing a request the metric is not emitted.", gauge, plain, real, off},
    {"k8s.pod.filesystem.available", "By", "Pod filesystem available", gauge, plain, integer, on},
    {"k8s.pod.filesystem.capacity", "By", "Pod filesystem capacity", gauge, plain, integer, on},
    {"k8s.pod.filesystem.usage", "By", "Pod filesystem usage", gauge, plain, integer, on},
    {"k8s.pod.memory.available", "By", "Pod memory available", gauge, plain, integer, on},
    {"k8s.pod.memory.major_page_faults", "1", "Pod memory major_page_faults", gauge, plain, integer, on},
    {"k8s.pod.memory.node.utilization", "1", "Pod memory utilization as a ratio of the node's capacity", gauge, plain, real, off},
    {"k8s.pod.memory.page_faults", "1", "Pod memory page_faults", gauge, plain, integer, on},
    {"k8s.pod.memory.rss", "By", "Pod memory rss", gauge, plain, integer, on},
    {"k8s.pod.memory.usage", "By", "Pod memory usage", gauge, plain, integer, on},
    {"k8s.pod.memory.working_set", "By", "Pod memory working_set", gauge, plain, integer, on},
    {"k8s.pod.memory_limit_utilization", "1", "Pod memory utilization as a ratio of the pod's total container limits. If any container is missing a limit the metric is not emitted.", gauge, plain, real, off},
    {"k8s.pod.memory_request_utilization", "1", "Pod memory utilization as a ratio of the pod's total container requests. If any container is missing a request the metric is not emitted.", gauge, plain, real, off},
    {"k8s.pod.network.errors", "1", "Pod network errors", sum, monotonic, integer, on},
    {"k8s.pod.network.io", "By", "Pod network IO", sum, monotonic, integer, on},
    {"k8s.pod.uptime", "s", "The time since the pod started", sum, monotonic, integer, off},
    {"k8s.pod.volume.usage", "By", "The number of used bytes in the pod volume.", sum, plain, integer, off},
    {"k8s.volume.available", "By", "The number of available bytes in the volume.", gauge, plain, integer, on},
    {"k8s.volume.capacity", "By", "The total capacity in bytes of the volume.", gauge, plain, integer, on},
    {"k8s.volume.inodes", "1", "The total inodes in the filesystem.", gauge, plain, integer, on},
    {"k8s.volume.inodes.free", "1", "The free inodes in the filesystem.", gauge, plain, integer, on},
    {"k8s.volume.inodes.used", "1", "The inodes used by the filesystem. This may not equal inodes - free because filesystem may share inodes with other filesystems.", gauge, plain, integer, on},
};

}  // namespace

points::Table table() { return metrics; }

std::span<const Choice> choices_of(Group) {
  static constexpr std::array choices{Choice("container", Group::container), Choice("pod", Group::pod), Choice("node", Group::node), Choice("volume", Group::volume)};
  return choices;
}

std::span<const Choice> choices_of(Label) {
  static constexpr std::array choices{Choice("container.id", Label::container_id), Choice("k8s.volume.type", Label::volume_type)};
  return choices;
}

std::span<const config::FieldInfo> AllInterfaces::fields() {
  static const std::array rows{
      field<&AllInterfaces::node>("node", "All network interfaces of the node instead of its default one."),
      field<&AllInterfaces::pod>("pod", "All network interfaces of pods instead of their default one."),
  };
  return rows;
}

std::span<const config::FieldInfo> Config::fields() {
  using T = Config;
  static const std::array rows{
      field<&T::auth_type>("auth_type", "Who we are to the kubelet: serviceAccount (the pod's token), tls (cert_file and key_file), kubeConfig (through the API server), none (the port without TLS)."),
      field<&T::context>("context", "kubeConfig: context instead of the current one."),
      field<&T::endpoint>("endpoint", "The kubelet: host:port or a URL; kubeConfig: the name of the node. Empty: this host, port 10250, or 10255 for none."),
      field<&T::ca_file>("ca_file", "Who signs the kubelet's certificate. serviceAccount: instead of the cluster's authority."),
      field<&T::cert_file>("cert_file", "tls: our certificate."),
      field<&T::key_file>("key_file", "tls: its key."),
      field<&T::insecure_skip_verify>("insecure_skip_verify", "Accept any certificate."),
      field<&T::collection_interval>("collection_interval", "Time between two looks.", {.min = 1ms}),
      field<&T::initial_delay>("initial_delay", "Time before the first one.", {.min = 0s}),
      field<&T::extra_metadata_labels>("extra_metadata_labels", "More attributes, from the kubelet's list of pods: container.id, k8s.volume.type."),
      field<&T::metric_groups>("metric_groups", "What is looked at: container, pod, node, volume."),
      field<&T::node>("node", "Name of the node; needed for metrics about its capacity."),
      field<&T::k8s_api_config>("k8s_api_config", "Access to the API server; needed for metrics about the node's capacity, and to find the volume behind a claim."),
      field<&T::collect_all_network_interfaces>("collect_all_network_interfaces", "More network interfaces."),
      field<&T::metrics>("metrics", "Metrics that are told or not: {k8s.node.uptime: {enabled: true}}."),
      config::ignored("resource_attributes", "attributes are told whenever they are known"),
  };
  return rows;
}

void Config::validate(config::Context& context) const {
  if (auto known = points::check_switches(table(), metrics); !known) context.error_at("metrics", known.error().what);
  if (auth_type == kubernetes::AuthType::tls && (ca_file.empty() || cert_file.empty() || key_file.empty()))
    context.error_at("auth_type", "tls needs ca_file, cert_file and key_file");
  if (auth_type == kubernetes::AuthType::kube_config && endpoint.find("://") != endpoint.npos) context.error_at("endpoint", "with kubeConfig it is the name of a node");
  for (auto& [name, metric] : metrics)
    if (metric.enabled && name.find("node.utilization") != name.npos && (node.empty() || !k8s_api_config))
      context.error_at("metrics", fmt::format("for {} node and k8s_api_config have to be set", name));
}

bool Config::collects(Group group) const { return std::find(metric_groups.begin(), metric_groups.end(), group) != metric_groups.end(); }
bool Config::wants(Label label) const { return std::find(extra_metadata_labels.begin(), extra_metadata_labels.end(), label) != extra_metadata_labels.end(); }

bool Config::wants(std::string_view metric) const {
  auto at = metrics.find(std::string(metric));
  return at == metrics.end() ? points::find_metric(table(), metric)->enabled : at->second.enabled;
}

bool Config::wants_pods() const {
  if (!extra_metadata_labels.empty()) return true;
  return std::any_of(metrics.begin(), metrics.end(), [](auto& entry) {
    return entry.second.enabled && (entry.first.ends_with("_limit_utilization") || entry.first.ends_with("_request_utilization"));
  });
}

}  // namespace weir::receivers::kubeletstats
