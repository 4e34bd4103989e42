// Detectors that ask a cluster's own API: Kubernetes and Consul.
#include "components/processors/resourcedetection/detector.h"
#include "components/processors/resourcedetection/json.h"

namespace weir::processors::resourcedetection {

Result<std::string> ask_kubernetes(Surroundings& around, const std::string& path) {
  const std::string files = "/var/run/secrets/kubernetes.io/serviceaccount/";
  std::string host = around.env_or("KUBERNETES_SERVICE_HOST", "");
  if (host.empty()) return fail(Errc::permanent, "KUBERNETES_SERVICE_HOST is not set: this is no pod");
  if (host.contains(':') && !host.starts_with('[')) host = "[" + host + "]";
  net::TlsClientSettings tls;
  tls.ca_file = files + "ca.crt";
  net::HttpRequest request{.method = "GET", .url = "https://" + host + ":" + around.env_or("KUBERNETES_SERVICE_PORT", "443") + path};
  if (auto token = around.read_file(files + "token")) request.headers.add("authorization", "Bearer " + *token);
  WEIR_ASSIGN(auto response, around.fetch(std::move(request), tls));
  if (response.status != 200) return fail(Errc::retryable, "the API server answers {} to {}", response.status, path);
  return std::move(response.body);
}

Result<Finding> detect_k8snode(const Config& config, Surroundings& around) {
  bool modern = std::ranges::find(config.detectors, "k8s_api") != config.detectors.end();
  const K8sNode& settings = modern ? config.k8s_api : config.k8snode;
  std::string node = around.env_or(settings.node_from_env_var, "");
  if (node.empty())
    return fail(Errc::config, "the node's name is not in the environment variable {}", settings.node_from_env_var);
  auto answer = ask_kubernetes(around, "/api/v1/nodes/" + node);
  if (!answer) {
    if (must_answer(config, modern ? "k8s_api" : "k8snode")) return fail(std::move(answer).error());
    return Finding{};
  }
  WEIR_ASSIGN(Json json, Json::parse(*answer));
  Finding out{.schema_url = std::string(schema_url)};
  out.set("k8s.node.uid", json.text("/metadata/uid"));
  out.set("k8s.node.name", json.text("/metadata/name"));
  if (auto system = ask_kubernetes(around, "/api/v1/namespaces/kube-system"))  // often not allowed
    if (auto name_space = Json::parse(*system)) out.set("k8s.cluster.uid", name_space->text("/metadata/uid"));
  return out;
}

Result<Finding> detect_consul(const Config& config, Surroundings& around) {
  const Consul& settings = config.consul;
  std::string url = settings.address.contains("://") ? settings.address : "http://" + settings.address;
  net::HeaderList headers;
  std::string token = settings.token.reveal();
  if (token.empty() && !settings.token_file.empty()) {
    WEIR_ASSIGN(token, around.read_file(settings.token_file));
    while (token.ends_with('\n')) token.pop_back();
  }
  if (!token.empty()) headers.add("x-consul-token", token);
  url += "/v1/agent/self";
  const char* separator = "?";
  if (!settings.datacenter.empty()) url += std::exchange(separator, "&") + ("dc=" + settings.datacenter);
  if (!settings.name_space.empty()) url += separator + ("ns=" + settings.name_space);
  auto answer = around.get(std::move(url), std::move(headers));
  if (!answer) {
    if (must_answer(config, "consul")) return fail(std::move(answer).error());
    return Finding{};
  }
  WEIR_ASSIGN(Json json, Json::parse(*answer));
  Finding out{.schema_url = std::string(schema_url)};
  out.set("host.name", json.text("/Config/NodeName"));
  out.set("cloud.region", json.text("/Config/Datacenter"));
  out.set("host.id", json.text("/Config/NodeID"));
  for (auto& [key, unused] : settings.meta)
    if (simdjson::dom::element value; !json.root()["Meta"][key].get(value)) out.set(key, Json::text_of(std::move(value)));
  return out;
}

}  // namespace weir::processors::resourcedetection
