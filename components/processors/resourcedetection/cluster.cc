// Detectors that ask a cluster's own API: Kubernetes and Consul.
#include "components/processors/resourcedetection/detector.h"
#include "base/text.h"
#include "components/processors/resourcedetection/json.h"
#include "config/yaml.h"

namespace weir::processors::resourcedetection {

namespace {

// What kubeadm wrote down about the cluster when it made it.
Result<std::string> name_by_kubeadm(Surroundings& around) {
  WEIR_ASSIGN(auto answer, ask_kubernetes(around, "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"));
  WEIR_ASSIGN(Json json, Json::parse(answer));
  WEIR_ASSIGN(auto settings, config::parse_yaml(json.text("/data/ClusterConfiguration")));
  const config::Value* name = settings.find("clusterName");
  if (name == nullptr || !name->is_scalar()) return fail(Errc::retryable, "kubeadm-config has no ClusterConfiguration with a clusterName");
  return std::string(name->text());
}

struct Platform {
  std::string_view type, provider, platform;
  const char* region;  // where it stands below /status/platformStatus
};
constexpr Platform platforms[] = {
    {"aws", "aws", "aws_openshift", "/status/platformStatus/aws/region"},
    {"azure", "azure", "azure.openshift", "/status/platformStatus/azure/cloudName"},
    {"gcp", "gcp", "gcp_openshift", "/status/platformStatus/gcp/region"},
    {"ibmcloud", "ibm_cloud", "ibm_cloud_openshift", "/status/platformStatus/ibmcloud/location"},
    {"openstack", "", "", "/status/platformStatus/openstack/cloudName"},
};

Result<std::string> ask_openshift(const OpenShift& settings, Surroundings& around, const std::string& path) {
  const std::string files = "/var/run/secrets/kubernetes.io/serviceaccount/";
  net::HttpRequest request{.method = "GET", .url = settings.address + path};
  if (settings.address.empty()) {
    std::string host = around.env_or("KUBERNETES_SERVICE_HOST", ""), port = around.env_or("KUBERNETES_SERVICE_PORT", "");
    if (host.empty() || port.empty()) return fail(Errc::permanent, "the address of the API server is not known: this is no pod");
    request.url = "https://" + host + ":" + port + path;
  }
  std::string token = settings.token.reveal();
  if (token.empty()) {
    WEIR_ASSIGN(token, around.read_file(files + "token"));
  }
  request.headers.add("authorization", "Bearer " + token);
  net::TlsClientSettings tls = settings.tls;
  if (!tls.insecure && tls.ca_file.empty()) tls.ca_file = files + "ca.crt";
  WEIR_ASSIGN(auto response, around.fetch(std::move(request), tls));
  if (response.status != 200) return fail(Errc::retryable, "the API server answers {} to {}", response.status, path);
  return std::move(response.body);
}

}  // namespace

Result<Finding> detect_openshift(const Config& config, Surroundings& around) {
  auto answer = ask_openshift(config.openshift, around, "/apis/config.openshift.io/v1/infrastructures/cluster/status");
  if (!answer) {
    if (must_answer(config, "openshift")) return fail(std::move(answer).error());
    return Finding{};
  }
  WEIR_ASSIGN(Json json, Json::parse(*answer));
  Finding out{.schema_url = std::string(schema_url)};
  if (auto name = json.text("/status/infrastructureName"); !name.empty()) out.set("k8s.cluster.name", name);
  std::string type = to_lower(json.text("/status/platformStatus/type"));
  for (auto& row : platforms) {
    if (row.type != type) continue;
    if (!row.provider.empty()) out.set("cloud.provider", std::string(row.provider));
    if (!row.platform.empty()) out.set("cloud.platform", std::string(row.platform));
    if (auto region = to_lower(json.text(row.region)); !region.empty()) out.set("cloud.region", region);
  }
  return out;
}

Result<Finding> detect_kubeadm(const Config& config, Surroundings& around) {
  auto wants = [&](const char* attribute) {
    auto at = config.kubeadm.block.resource_attributes.find(attribute);
    return at == config.kubeadm.block.resource_attributes.end() || at->second.enabled;
  };
  auto missing = [&](Error error) -> Result<Finding> {
    if (must_answer(config, "kubeadm")) return fail(std::move(error));
    return Finding{};
  };
  Finding out{.schema_url = std::string(schema_url)};
  if (wants("k8s.cluster.name")) {
    auto name = name_by_kubeadm(around);
    if (!name) return missing(std::move(name).error());
    out.set("k8s.cluster.name", *name);
  }
  if (wants("k8s.cluster.uid")) {
    auto system = ask_kubernetes(around, "/api/v1/namespaces/kube-system");
    if (!system) return missing(std::move(system).error());
    WEIR_ASSIGN(Json json, Json::parse(*system));
    out.set("k8s.cluster.uid", json.text("/metadata/uid"));
  }
  return out;
}

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
