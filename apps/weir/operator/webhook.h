#pragma once
// What the API server asks: pods and Instrumentations, answered from what is known of the cluster.
#include "inject/review.h"
#include "kube/cluster.h"
#include "weir/operator/collectors.h"
#include "net/server.h"

namespace weir::app {

// One core.
class Webhook final : public net::Handler {
 public:
  Webhook(std::shared_ptr<kube::Cluster> cluster, io::Executor& executor, kube::Transport& transport, telemetry::Registry& metrics, inject::Options options,
          const Collectors* collectors = nullptr);

  void on_request(net::Request request, net::Responder responder) override;
  // Instrumentations and namespaces have been listed.
  bool ready() const { return instrumentations_listed_ && namespaces_listed_; }

 private:
  net::Response answer(const net::Request& request);
  net::Response pod(std::string_view body);
  void report(const inject::Reviewed& reviewed);
  void send_event(const inject::Reviewed& reviewed);
  inject::Cluster cluster_view() const;
  std::vector<std::string> sidecar(config::Value& pod, const config::Value& name_space) const;
  void subscribe(kube::Query query, kube::Told told);

  std::shared_ptr<kube::Cluster> cluster_;  // shared with the Home
  io::Executor& executor_;
  kube::Transport& transport_;
  telemetry::Registry& metrics_;
  inject::Options options_;
  const Collectors* collectors_;  // null: none are looked after
  std::map<std::string, inject::Instrumentation> instrumentations_;  // "ns/name"
  std::map<std::string, config::Value> namespaces_;
  std::map<std::string, config::Value> owners_;  // "replicaset/ns/name" -> its ownerReferences
  std::vector<std::shared_ptr<void>> subscriptions_;  // ours alone; their type is erased
  bool instrumentations_listed_ = false, namespaces_listed_ = false;
};

}  // namespace weir::app
