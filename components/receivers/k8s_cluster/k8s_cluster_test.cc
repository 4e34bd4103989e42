#include <doctest/doctest.h>

#include "components/receivers/k8s_cluster/facts.h"
#include "config/yaml.h"
#include "kube/decode.h"

using namespace weir;
using namespace weir::receivers::k8s_cluster;

namespace {

// metric[attribute]=value of each point, resources in front: {a=b;}
std::string facts(What what, std::string_view json, const Config& config = {}) {
  kube::JsonDecoder decoder;
  auto query = query_of(what);
  auto object = decoder.object(json, query.resource.kind, query.keep);
  REQUIRE_MESSAGE(object, (object ? "" : object.error().what));
  std::string out;
  for (auto& entry : entries_of(what, **object, config)) {
    out += "{";
    for (auto& [key, value] : entry.resource)
      if (!value.empty()) out += fmt::format("{}={};", key, value);
    out += "}";
    for (auto& fact : entry.facts) out += fmt::format(" {}{}={}", fact.metric, fact.attribute.empty() ? "" : "[" + fact.attribute + "]", fact.value);
    out += "\n";
  }
  return out;
}

}  // namespace

TEST_CASE("k8s_cluster: a pod and its containers") {
  CHECK(facts(What::pod, R"({"metadata":{"name":"web","namespace":"shop","uid":"u"},"spec":{"nodeName":"n","containers":[{"name":"main","image":"reg.io/a/b:1.2","resources":{"requests":{"cpu":"100m","memory":"64Mi"},"limits":{"cpu":"1.5","ephemeral-storage":"1G"}}}],"initContainers":[{"name":"i"}]},
    "status":{"phase":"Failed","reason":"Evicted","containerStatuses":[{"name":"main","containerID":"containerd://c1","restartCount":3,"ready":true}]}})") ==
        "{k8s.namespace.name=shop;k8s.node.name=n;k8s.pod.name=web;k8s.pod.uid=u;} k8s.pod.phase=4 k8s.pod.status_reason=1\n"
        "{k8s.pod.uid=u;k8s.pod.name=web;k8s.node.name=n;k8s.namespace.name=shop;container.id=c1;k8s.container.name=main;container.image.name=reg.io/a/b;container.image.tag=1.2;}"
        " k8s.container.cpu_request=0.1 k8s.container.memory_request=67108864 k8s.container.cpu_limit=1.5 k8s.container.ephemeralstorage_limit=1000000000 k8s.container.restarts=3 k8s.container.ready=1\n");
}

TEST_CASE("k8s_cluster: nodes, with conditions and resources that were asked for") {
  Config config;
  config.node_conditions_to_report = {"Ready", "MemoryPressure", "Odd"};
  config.allocatable_types_to_report = {"cpu", "memory", "ephemeral-storage", "nothing"};
  CHECK(facts(What::node, R"({"metadata":{"name":"n","uid":"u"},"status":{"conditions":[{"type":"Ready","status":"True"},{"type":"MemoryPressure","status":"False"}],"allocatable":{"cpu":"3920m","memory":"1Ki","ephemeral-storage":"5"}}})", config) ==
        "{k8s.node.name=n;k8s.node.uid=u;} k8s.node.condition_ready=1 k8s.node.condition_memory_pressure=0 k8s.node.condition_odd=-1 k8s.node.condition[Ready]=1 k8s.node.condition[MemoryPressure]=0"
        " k8s.node.allocatable_cpu=3.92 k8s.node.allocatable_memory=1024 k8s.node.allocatable_ephemeral_storage=5\n");
}

TEST_CASE("k8s_cluster: workloads, jobs, quotas") {
  std::string meta = R"("metadata":{"name":"x","namespace":"s","uid":"u"})";
  struct { What what; std::string_view rest, out; } const rows[] = {
      {What::deployment, R"("spec":{"replicas":3},"status":{})", "{k8s.namespace.name=s;k8s.deployment.name=x;k8s.deployment.uid=u;} k8s.deployment.desired=3 k8s.deployment.available=0\n"},
      {What::stateful_set, R"("spec":{"replicas":2},"status":{"readyReplicas":1,"currentReplicas":2,"updatedReplicas":2})",
       "{k8s.namespace.name=s;k8s.statefulset.name=x;k8s.statefulset.uid=u;} k8s.statefulset.desired_pods=2 k8s.statefulset.ready_pods=1 k8s.statefulset.current_pods=2 k8s.statefulset.updated_pods=2\n"},
      {What::daemon_set, R"("status":{"currentNumberScheduled":1,"desiredNumberScheduled":2,"numberMisscheduled":0,"numberReady":1})",
       "{k8s.namespace.name=s;k8s.daemonset.name=x;k8s.daemonset.uid=u;} k8s.daemonset.current_scheduled_nodes=1 k8s.daemonset.desired_scheduled_nodes=2 k8s.daemonset.misscheduled_nodes=0 k8s.daemonset.ready_nodes=1\n"},
      {What::job, R"("spec":{"parallelism":2},"status":{"active":1})", "{k8s.namespace.name=s;k8s.job.name=x;k8s.job.uid=u;} k8s.job.active_pods=1 k8s.job.failed_pods=0 k8s.job.successful_pods=0 k8s.job.max_parallel_pods=2\n"},
      {What::cron_job, R"("status":{"active":[{},{}]})", "{k8s.namespace.name=s;k8s.cronjob.name=x;k8s.cronjob.uid=u;} k8s.cronjob.active_jobs=2\n"},
      {What::autoscaler, R"("spec":{"maxReplicas":9},"status":{"currentReplicas":3,"desiredReplicas":4})", "{k8s.namespace.name=s;k8s.hpa.name=x;k8s.hpa.uid=u;} k8s.hpa.max_replicas=9 k8s.hpa.current_replicas=3 k8s.hpa.desired_replicas=4\n"},
      {What::quota, R"("status":{"hard":{"requests.cpu":"2","pods":"10"},"used":{"pods":"3"}})",
       "{k8s.namespace.name=s;k8s.resourcequota.name=x;k8s.resourcequota.uid=u;} k8s.resource_quota.hard_limit[requests.cpu]=2000 k8s.resource_quota.hard_limit[pods]=10 k8s.resource_quota.used[pods]=3\n"},
      {What::name_space, R"("status":{"phase":"Terminating"})", "{k8s.namespace.name=s;k8s.namespace.name=x;k8s.namespace.uid=u;} k8s.namespace.phase=0\n"},
  };
  for (auto& row : rows) CHECK(facts(row.what, fmt::format("{{{},{}}}", meta, row.rest)) == row.out);
}

TEST_CASE("k8s_cluster: settings that cannot work") {
  for (std::string_view yaml : {"{distribution: openshift}", "{metadata_exporters: [a]}", "{namespace: a, namespaces: [b]}", "{metrics: {k8s.nothing: {enabled: true}}}"}) {
    config::Problems problems;
    auto tree = config::parse_yaml(yaml);
    CHECK_MESSAGE(!config::decode<Config>(&*tree, problems), yaml);
  }
}
