#pragma once
// Keeps what is in the cluster as the OpenTelemetryCollector resources say.
#include "kube/cluster.h"
#include "weir/operator/collector.h"

namespace weir::app {

// One core. Every replica of the operator does it: applying the same again changes nothing.
class Collectors {
 public:
  Collectors(std::shared_ptr<kube::Cluster> cluster, io::Executor& executor, kube::Transport& transport, telemetry::Registry& metrics, CollectorOptions options);
  ~Collectors();

  // "namespace/name" -> the resource.
  const std::map<std::string, config::Value>& all() const { return collectors_; }
  const CollectorOptions& options() const { return options_; }

  // What others changed is put right after so long at most.
  static constexpr Duration interval = 5min;

 private:
  struct State {
    std::string applied;  // what was asked for, as text
    int waiting = 0;      // requests under way
    std::string problem;
  };
  void take(const kube::Change& change);
  void look();
  void reconcile(const std::string& key);
  void apply(const std::string& key, const config::Value& object);
  void remove_unwanted(const config::Value& collector, const Manifests& manifests);
  void tell_status(const std::string& key, const std::vector<std::string>& unsupported);

  std::shared_ptr<kube::Cluster> cluster_;  // shared with the Home
  io::Executor& executor_;
  kube::Transport& transport_;
  telemetry::Registry& metrics_;
  CollectorOptions options_;
  std::map<std::string, config::Value> collectors_;
  std::map<std::string, State> states_;
  std::shared_ptr<void> subscription_;  // ours alone; its type is erased
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with requests under way
  io::TimerId timer_ = 0;
};

}  // namespace weir::app
