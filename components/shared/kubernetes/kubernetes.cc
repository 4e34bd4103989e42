#include "components/shared/kubernetes/kubernetes.h"

#include "base/log.h"
#include "io/loop_of.h"

namespace weir::kubernetes {

using config::field;

std::span<const config::Choice> choices_of(AuthType) {
  static constexpr std::array choices{config::Choice("serviceAccount", AuthType::service_account), config::Choice("kubeConfig", AuthType::kube_config),
                                      config::Choice("none", AuthType::none), config::Choice("tls", AuthType::tls)};
  return choices;
}

std::span<const config::FieldInfo> ApiConfig::fields() {
  using T = ApiConfig;
  static const std::array rows{
      field<&T::auth_type>("auth_type", "Who we are to the API server: serviceAccount (the pod's token), kubeConfig (KUBECONFIG or ~/.kube/config), none."),
      field<&T::context>("context", "Context of the kubeconfig instead of its current one."),
      field<&T::kube_api_qps>("kube_api_qps", "Accepted, without effect: there is one request for each watch, and failed ones wait longer and longer.", {.min = 0}),
      field<&T::kube_api_burst>("kube_api_burst", "Accepted, without effect, like kube_api_qps."),
  };
  return rows;
}

Result<> ApiConfig::validate() const {
  if (auth_type == AuthType::tls) return fail(Errc::config, "auth_type tls has no settings to find a certificate; use kubeConfig with a client certificate");
  return {};
}

namespace {

kube::AuthType type_of(const ApiConfig& config) {
  if (config.auth_type == AuthType::kube_config) return kube::AuthType::kube_config;
  return config.auth_type == AuthType::none ? kube::AuthType::none : kube::AuthType::service_account;
}

using FindConnection = std::function<Result<kube::Connection>()>;

Result<std::shared_ptr<kube::Home>> make_home(const FindConnection& find, std::shared_ptr<kube::Cluster> cluster, engine::Host& host, io::Executor& executor,
                                              std::uint64_t seed) {
  WEIR_ASSIGN(auto connection, find());
  log::info("Kubernetes API", {{"url", connection.url}});
  WEIR_ASSIGN(auto transport, kube::make_transport(executor, std::move(connection), host.fs()));
  return std::make_shared<kube::Home>(std::move(cluster), kube::Home::Parts{std::move(transport), executor, host.budget(), host.metrics(), seed});
}

Result<Membership> join(const std::string& key, const FindConnection& find, engine::Host& host, io::Executor& executor, std::uint16_t shard, std::uint64_t seed) {
  Membership out{.cluster = engine::shared_state<kube::Cluster>(host, key)};
  if (shard != 0) return out;
  std::string home = "home of " + key;
  if (auto there = host.shared(home, [] { return std::shared_ptr<void>(); })) {
    out.home = std::static_pointer_cast<kube::Home>(std::move(there));
    return out;
  }
  // `weir test` has no network: nothing of a cluster is known there.
  if (io::find_loop(executor) == nullptr) return out;
  WEIR_ASSIGN(out.home, make_home(find, out.cluster, host, executor, seed));
  out.home = std::static_pointer_cast<kube::Home>(host.shared(home, [&] { return out.home; }));
  out.home->run();
  return out;
}

}  // namespace

Result<kube::Connection> connection_of(const ApiConfig& config, io::Fs& fs) {
  return kube::find_connection(type_of(config), config.context, fs, kube::process_environment());
}

std::string cluster_key(const ApiConfig& config) { return fmt::format("kubernetes {} {}", static_cast<int>(config.auth_type), config.context); }
std::string home_key(const ApiConfig& config) { return "home of " + cluster_key(config); }

Result<Membership> join(const ApiConfig& config, engine::Host& host, io::Executor& executor, std::uint16_t shard, std::uint64_t seed) {
  return join(cluster_key(config), [&] { return connection_of(config, host.fs()); }, host, executor, shard, seed);
}

Result<Membership> join(const kube::Connection& connection, engine::Host& host, io::Executor& executor, std::uint16_t shard, std::uint64_t seed) {
  return join("kubernetes " + connection.identity(), [&] { return Result<kube::Connection>(connection); }, host, executor, shard, seed);
}

Result<ApiConfig> access_of_pod(io::Fs& fs) {
  ApiConfig pod, file{.auth_type = AuthType::kube_config};
  auto in_pod = connection_of(pod, fs);
  if (in_pod) return pod;
  bool has_file = !kube::process_environment()("KUBECONFIG").empty() && connection_of(file, fs).has_value();
  return has_file ? Result<ApiConfig>(file) : fail(std::move(in_pod.error()));
}

std::string own_namespace(const ApiConfig& config, io::Fs& fs) {
  auto connection = connection_of(config, fs);
  return connection && !connection->name_space.empty() ? connection->name_space : "default";
}

}  // namespace weir::kubernetes
