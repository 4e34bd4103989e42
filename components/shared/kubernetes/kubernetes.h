#pragma once
// How components reach the Kubernetes API: settings under the collector's names, and the one copy of the cluster's objects that
// all components with equal settings share.
#include "config/field.h"
#include "engine/component.h"
#include "kube/cluster.h"

namespace weir::kubernetes {

enum class AuthType : std::uint8_t { none, service_account, kube_config, tls };
std::span<const config::Choice> choices_of(AuthType);

struct ApiConfig {
  AuthType auth_type = AuthType::service_account;
  std::string context;
  double kube_api_qps = 0;
  std::uint64_t kube_api_burst = 0;

  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

// What a component holds on one core for as long as it uses the cluster.
struct Membership {
  std::shared_ptr<kube::Cluster> cluster;  // shared with the components of all cores
  std::shared_ptr<kube::Home> home;        // on the first core, shared with the components there
};

// Errc::config when there is no way to an API server: no variables and token of a pod, no kubeconfig. An API server that does
// not answer is no error: it is tried again and again.
Result<Membership> join(const ApiConfig& config, engine::Host& host, io::Executor& executor, std::uint16_t shard, std::uint64_t seed);
// The same for a connection that was found elsewhere.
Result<Membership> join(const kube::Connection& connection, engine::Host& host, io::Executor& executor, std::uint16_t shard, std::uint64_t seed);
// For requests of a component's own.
Result<kube::Connection> connection_of(const ApiConfig& config, io::Fs& fs);
// For components without access settings: the pod's own account, or KUBECONFIG where there is no pod.
Result<ApiConfig> access_of_pod(io::Fs& fs);
// Under which names Host::shared has them: tests put their own there.
std::string cluster_key(const ApiConfig& config);
std::string home_key(const ApiConfig& config);
// The namespace that we run in: of the pod, or of the kubeconfig's context; "default" when neither is known.
std::string own_namespace(const ApiConfig& config, io::Fs& fs);

}  // namespace weir::kubernetes
