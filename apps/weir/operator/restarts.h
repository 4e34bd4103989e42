#pragma once
// Restarts of workloads whose pods use an Instrumentation that has changed. Only when the user asked for it.
#include "kube/cluster.h"
#include "inject/inject.h"

namespace weir::app {

// One core. Every replica of the operator does it: the mark on a workload is the resource's version, so that two do it once.
class Restarts {
 public:
  Restarts(std::shared_ptr<kube::Cluster> cluster, io::Executor& executor, kube::Transport& transport, telemetry::Registry& metrics);

  static constexpr std::string_view mark = "weir/instrumentation-version";

 private:
  void changed(const kube::Object& instrumentation);
  // Which Instrumentation the pod asks for: "true", a name, namespace/name; "" for none.
  std::vector<std::string> asked_for(const kube::Object& pod) const;
  // The path of the workload behind a pod, "" when there is none that can be restarted.
  std::string workload_of(const kube::Object& pod) const;
  void restart(const std::string& path, const std::string& version);

  std::shared_ptr<kube::Cluster> cluster_;  // shared with the Home
  kube::Transport& transport_;
  telemetry::Registry& metrics_;
  std::map<std::string, std::string> versions_;  // of Instrumentations that were seen: "ns/name" -> the spec as text
  std::map<std::string, kube::ObjectPtr> pods_, namespaces_, replica_sets_;
  bool listed_ = false;
  std::vector<std::shared_ptr<void>> subscriptions_;  // ours alone; their type is erased
};

}  // namespace weir::app
