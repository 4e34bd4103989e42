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

  ~Webhook() { *alive_ = false; }
  void on_request(net::Request request, net::Responder responder) override;
  // Instrumentations and namespaces have been listed.
  // A review waits so long at most for what has to be looked up; the API server waits for us longer.
  static constexpr Duration look_up_limit = 3s;
  bool ready() const { return instrumentations_listed_ && namespaces_listed_; }

 private:
  net::Response answer(const net::Request& request);
  // A review that waits for what is not known yet.
  struct Waiting {
    net::Request request;
    net::Responder responder;
    std::size_t left = 0;
    io::TimerId timer = 0;
  };
  void look_up(net::Request request, net::Responder responder);
  void learn(const std::string& key, const Result<net::HttpResponse>& answer);
  void finish(const std::shared_ptr<Waiting>& waiting);
  inject::Reviewed review(std::string_view body);
  net::Response pod(inject::Reviewed reviewed);
  void report(const inject::Reviewed& reviewed);
  void send_event(const inject::Reviewed& reviewed);
  inject::Cluster cluster_view();
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
  struct Certificate {
    bool exists = true;
    TimePoint until{};  // is asked again then
  };
  std::map<std::string, Certificate> certificates_;  // "secret/ns/name"
  std::vector<std::string> unknown_;  // keys of both that a review asked for in vain
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with requests under way
  std::vector<std::shared_ptr<void>> subscriptions_;  // ours alone; their type is erased
  bool instrumentations_listed_ = false, namespaces_listed_ = false;
};

}  // namespace weir::app
