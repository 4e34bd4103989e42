#include "components/receivers/k8s_cluster/config.h"

namespace weir::receivers::k8s_cluster {

using config::field;

namespace {

constexpr bool on = true, off = false, integer = true, real = false;
constexpr points::MetricInfo gauge(std::string_view name, std::string_view unit, std::string_view description, bool is_integer = integer, bool enabled = on) {
  return {name, unit, description, false, false, is_integer, enabled};
}
constexpr std::string_view resources = "Resource requested for the container. See https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.23/#resourcerequirements-v1-core for details",
                           limits = "Maximum resource limit set for the container. See https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.23/#resourcerequirements-v1-core for details";
constexpr points::MetricInfo metrics[] = {
    gauge("k8s.container.cpu_request", "{cpu}", resources, real),
    gauge("k8s.container.cpu_limit", "{cpu}", limits, real),
    gauge("k8s.container.memory_request", "By", resources),
    gauge("k8s.container.memory_limit", "By", limits),
    gauge("k8s.container.storage_request", "By", resources),
    gauge("k8s.container.storage_limit", "By", limits),
    gauge("k8s.container.ephemeralstorage_request", "By", resources),
    gauge("k8s.container.ephemeralstorage_limit", "By", limits),
    gauge("k8s.container.restarts", "{restart}", "How many times the container has restarted in the recent past. The kubelet may set it back to 0 at any time."),
    gauge("k8s.container.ready", "", "Whether a container has passed its readiness probe (0 for no, 1 for yes)"),
    gauge("k8s.pod.phase", "", "Current phase of the pod (1 - Pending, 2 - Running, 3 - Succeeded, 4 - Failed, 5 - Unknown)"),
    gauge("k8s.pod.status_reason", "", "Current status reason of the pod (1 - Evicted, 2 - NodeAffinity, 3 - NodeLost, 4 - Shutdown, 5 - UnexpectedAdmissionError, 6 - Unknown)", integer, off),
    gauge("k8s.deployment.desired", "{pod}", "Number of desired pods in this deployment"),
    gauge("k8s.deployment.available", "{pod}", "Total number of available pods (ready for at least minReadySeconds) targeted by this deployment"),
    gauge("k8s.cronjob.active_jobs", "{job}", "The number of actively running jobs for a cronjob"),
    gauge("k8s.daemonset.current_scheduled_nodes", "{node}", "Number of nodes that are running at least 1 daemon pod and are supposed to run the daemon pod"),
    gauge("k8s.daemonset.desired_scheduled_nodes", "{node}", "Number of nodes that should be running the daemon pod (including nodes currently running the daemon pod)"),
    gauge("k8s.daemonset.misscheduled_nodes", "{node}", "Number of nodes that are running the daemon pod, but are not supposed to run the daemon pod"),
    gauge("k8s.daemonset.ready_nodes", "{node}", "Number of nodes that should be running the daemon pod and have one or more of the daemon pod running and ready"),
    gauge("k8s.hpa.max_replicas", "{pod}", "Maximum number of replicas to which the autoscaler can scale up."),
    gauge("k8s.hpa.min_replicas", "{pod}", "Minimum number of replicas to which the autoscaler can scale up."),
    gauge("k8s.hpa.current_replicas", "{pod}", "Current number of pod replicas managed by this autoscaler."),
    gauge("k8s.hpa.desired_replicas", "{pod}", "Desired number of pod replicas managed by this autoscaler."),
    gauge("k8s.job.active_pods", "{pod}", "The number of actively running pods for a job"),
    gauge("k8s.job.desired_successful_pods", "{pod}", "The desired number of successfully finished pods the job should be run with"),
    gauge("k8s.job.failed_pods", "{pod}", "The number of pods which reached phase Failed for a job"),
    gauge("k8s.job.max_parallel_pods", "{pod}", "The max desired number of pods the job should run at any given time"),
    gauge("k8s.job.successful_pods", "{pod}", "The number of pods which reached phase Succeeded for a job"),
    gauge("k8s.namespace.phase", "", "The current phase of namespaces (1 for active and 0 for terminating)"),
    gauge("k8s.replicaset.desired", "{pod}", "Number of desired pods in this replicaset"),
    gauge("k8s.replicaset.available", "{pod}", "Total number of available pods (ready for at least minReadySeconds) targeted by this replicaset"),
    gauge("k8s.replication_controller.desired", "{pod}", "Number of desired pods in this replication_controller"),
    gauge("k8s.replication_controller.available", "{pod}", "Total number of available pods (ready for at least minReadySeconds) targeted by this replication_controller"),
    gauge("k8s.resource_quota.hard_limit", "{resource}", "The upper limit for a particular resource in a specific namespace. Will only be sent if a quota is specified. CPU requests/limits will be sent as millicores"),
    gauge("k8s.resource_quota.used", "{resource}", "The usage for a particular resource in a specific namespace. Will only be sent if a quota is specified. CPU requests/limits will be sent as millicores"),
    gauge("k8s.statefulset.desired_pods", "{pod}", "Number of desired pods in the stateful set (the `spec.replicas` field)"),
    gauge("k8s.statefulset.ready_pods", "{pod}", "Number of pods created by the stateful set that have the `Ready` condition"),
    gauge("k8s.statefulset.current_pods", "{pod}", "The number of pods created by the StatefulSet controller from the StatefulSet version"),
    gauge("k8s.statefulset.updated_pods", "{pod}", "Number of pods created by the StatefulSet controller from the StatefulSet version"),
    gauge("k8s.node.condition", "{condition}", "The condition of a particular Node.", integer, off),
};

}  // namespace

points::Table table() { return metrics; }

std::span<const config::Choice> choices_of(Distribution) {
  static constexpr std::array choices{config::Choice("kubernetes", Distribution::kubernetes), config::Choice("openshift", Distribution::openshift)};
  return choices;
}

std::span<const config::FieldInfo> Config::fields() {
  using T = Config;
  static const std::array rows{
      config::embedded<&T::api>(),
      field<&T::collection_interval>("collection_interval", "Time between two batches of metrics.", {.min = 1ms}),
      field<&T::node_conditions_to_report>("node_conditions_to_report", "Conditions of nodes that are told: Ready, MemoryPressure, …"),
      field<&T::allocatable_types_to_report>("allocatable_types_to_report", "Resources that nodes have for pods: cpu, memory, ephemeral-storage, pods, …"),
      field<&T::distribution>("distribution", "kubernetes. Quotas of OpenShift are not supported."),
      field<&T::name_space>("namespace", "Only this namespace; nothing of the cluster's nodes and namespaces then."),
      field<&T::namespaces>("namespaces", "The same for several."),
      field<&T::metadata_exporters>("metadata_exporters", "Not supported."),
      field<&T::metrics>("metrics", "Metrics that are told or not: {k8s.pod.phase: {enabled: false}}."),
      config::ignored("metadata_collection_interval", "there are no metadata exporters"),
      config::ignored("resource_attributes", "attributes are told whenever they are known"),
  };
  return rows;
}

void Config::validate(config::Context& context) const {
  if (auto known = points::check_switches(table(), metrics); !known) context.error_at("metrics", known.error().what);
  if (distribution == Distribution::openshift) context.error_at("distribution", "openshift is not supported");
  if (!metadata_exporters.empty()) context.error_at("metadata_exporters", "they are not supported");
  if (!name_space.empty() && !namespaces.empty()) context.error_at("namespaces", "namespace and namespaces cannot both be set");
}

std::vector<std::string> Config::places() const {
  if (!namespaces.empty()) return namespaces;
  return {name_space};
}

}  // namespace weir::receivers::k8s_cluster
