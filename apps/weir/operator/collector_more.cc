#include "weir/operator/collector_more.h"

#include <openssl/evp.h>

#include <algorithm>

#include "base/text.h"
#include "config/yaml.h"

namespace weir::app {

using config::Value;
using inject::map_of;
using inject::text_at;

namespace {

const Value* part(const Value& in, std::string_view key) {
  const Value* value = in.get(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

Value rule_of(const std::string& host, const std::vector<std::pair<std::string, std::string>>& paths, const std::string& service) {
  Value list = Value::list();
  for (auto& [path, port] : paths) {
    Value one = map_of({{"path", path}, {"pathType", "Prefix"}}), to = map_of({{"name", service}}), backend = Value::map();
    to.set("port", map_of({{"name", port}}));
    backend.set("service", std::move(to));
    one.set("backend", std::move(backend));
    list.push_back(std::move(one));
  }
  Value http = Value::map(), rule = Value::map();
  http.set("paths", std::move(list));
  if (!host.empty()) rule.set("host", Value::string(host));
  rule.set("http", std::move(http));
  return rule;
}

void without(Value& map, std::string_view key) {
  std::erase_if(map.entries(), [&](auto& entry) { return entry.key == key; });
}

// Of a collector's configuration, where a dollar is written twice.
void undouble_dollars(Value& value) {
  if (value.kind() == Value::Kind::string && value.text().find("$$") != std::string::npos) {
    std::string text = value.text();
    for (std::size_t at = 0; (at = text.find("$$", at)) != std::string::npos; ++at) text.erase(at, 1);
    value = Value::string(std::move(text));
  }
  for (auto& item : value.items()) undouble_dollars(item);
  for (auto& entry : value.entries()) undouble_dollars(entry.value);
}

const std::string allocator_component = "opentelemetry-targetallocator";

std::string allocator_name(const CollectorView& collector) { return short_name(collector.name + "-targetallocator"); }

Value allocator_labels(const CollectorView& collector) {
  Value out = collector.selector;
  out.set("app.kubernetes.io/component", Value::string(allocator_component));
  return out;
}

Value labelled(const CollectorView& collector, std::string_view version, std::string_view kind, const std::string& name) {
  Value out = collector.object(version, kind, name);
  out.get("metadata")->get("labels")->set("app.kubernetes.io/component", Value::string(allocator_component));
  return out;
}

// Keys of the resource to those of the allocator's file.
Value monitors(const Value& wanted) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 15> keys = {{{"scrapeInterval", "scrape_interval"},
                                                                                   {"scrapeProtocols", "scrape_protocols"},
                                                                                   {"scrapeClasses", "scrape_classes"},
                                                                                   {"allowNamespaces", "allow_namespaces"},
                                                                                   {"denyNamespaces", "deny_namespaces"},
                                                                                   {"secretNamespaces", "secret_namespaces"},
                                                                                   {"denyFSAccessThroughSMs", "deny_fs_access_through_sms"},
                                                                                   {"serviceMonitorSelector", "service_monitor_selector"},
                                                                                   {"serviceMonitorNamespaceSelector", "service_monitor_namespace_selector"},
                                                                                   {"podMonitorSelector", "pod_monitor_selector"},
                                                                                   {"podMonitorNamespaceSelector", "pod_monitor_namespace_selector"},
                                                                                   {"scrapeConfigSelector", "scrape_config_selector"},
                                                                                   {"scrapeConfigNamespaceSelector", "scrape_config_namespace_selector"},
                                                                                   {"probeSelector", "probe_selector"},
                                                                                   {"probeNamespaceSelector", "probe_namespace_selector"}}};
  Value out = Value::map();
  out.set("enabled", Value::of(true));
  for (auto [from, to] : keys)
    if (const Value* value = part(wanted, from)) out.set(to, *value);
  return out;
}

std::string allocator_file(const CollectorView& collector, const Value& wanted, Value jobs) {
  Value file = Value::map(), selector = Value::map();
  selector.set("matchLabels", collector.selector);
  file.set("collector_selector", std::move(selector));
  std::string strategy = text_at(wanted, "allocationStrategy");
  file.set("allocation_strategy", Value::string(strategy.empty() ? "consistent-hashing" : strategy));
  for (auto [from, to] : {std::pair("filterStrategy", "filter_strategy"), std::pair("allowInsecureAuthSecrets", "allow_insecure_auth_secrets"),
                          std::pair("collectorNotReadyGracePeriod", "collector_not_ready_grace_period")})
    if (const Value* value = part(wanted, from)) file.set(to, *value);
  if (const Value* global = part(wanted, "globalConfig"); global != nullptr && global->size() > 0) jobs.set("global", *global);
  if (const Value* more = part(wanted, "scrapeConfigs"); more != nullptr && more->size() > 0) {
    Value all = *more;
    if (const Value* own = jobs.get("scrape_configs"))
      for (auto& job : own->items()) all.push_back(job);
    jobs.set("scrape_configs", std::move(all));
  }
  if (jobs.size() > 0) file.set("config", std::move(jobs));
  if (text_at(wanted, "prometheusCR::enabled") == "true") file.set("prometheus_cr", monitors(*wanted.get("prometheusCR")));
  return config::to_yaml(file);
}

Value allocator_container(const Value& wanted, const std::string& image) {
  std::string own = text_at(wanted, "image");
  // An image that is not weir's has the operator's allocator as its program.
  std::string_view last = std::string_view(own).substr(own.rfind('/') == own.npos ? 0 : own.rfind('/') + 1);
  bool is_weir = own.empty() || last.substr(0, last.find_first_of(":@")) == "weir";
  Value out = map_of({{"name", "ta-container"}, {"image", own.empty() ? image : own}}), args = Value::list();
  if (is_weir) args = inject::list_of({"allocator", "--config-file=/conf/targetallocator.yaml"});
  if (const Value* more = part(wanted, "args"))
    for (auto& [key, mark, value] : more->entries()) args.push_back(Value::string(fmt::format("--{}={}", key, value.text())));
  if (args.size() > 0) out.set("args", std::move(args));
  for (std::string_view key : {"env", "envFrom", "resources", "securityContext", "lifecycle", "volumeMounts", "imagePullPolicy"})
    if (const Value* value = part(wanted, key)) out.set(key, *value);
  inject::add_env_field(out, "OTELCOL_NAMESPACE", "metadata.namespace");
  inject::add_mount(out, "ta-internal", "/conf");
  Value ports = Value::list(), port = map_of({{"name", "http"}, {"protocol", "TCP"}});
  port.set("containerPort", Value::of(std::int64_t{8080}));
  ports.push_back(std::move(port));
  out.set("ports", std::move(ports));
  for (auto [key, path] : {std::pair("livenessProbe", "/livez"), std::pair("readinessProbe", "/readyz")}) {
    Value probe = part(wanted, key) ? *part(wanted, key) : Value::map(), get = map_of({{"path", path}});
    get.set("port", Value::of(std::int64_t{8080}));
    if (probe.get("httpGet") == nullptr) probe.set("httpGet", std::move(get));
    out.set(key, std::move(probe));
  }
  return out;
}

Value allocator_workload(const CollectorView& collector, const Value& wanted, const std::string& image, const std::string& file) {
  std::string name = allocator_name(collector), account = text_at(wanted, "serviceAccount");
  Value items = Value::list(), source = map_of({{"name", name}}), volume = map_of({{"name", "ta-internal"}}), volumes = Value::list(), containers = Value::list(), pod = Value::map();
  items.push_back(map_of({{"key", "targetallocator.yaml"}, {"path", "targetallocator.yaml"}}));
  source.set("items", std::move(items));
  volume.set("configMap", std::move(source));
  volumes.push_back(std::move(volume));
  if (const Value* more = part(wanted, "volumes"))
    for (auto& one : more->items()) volumes.push_back(one);
  containers.push_back(allocator_container(wanted, image));
  pod.set("serviceAccountName", Value::string(account.empty() ? name : account));
  pod.set("containers", std::move(containers));
  pod.set("volumes", std::move(volumes));
  for (auto [from, to] : {std::pair("podSecurityContext", "securityContext"), std::pair("nodeSelector", "nodeSelector"), std::pair("tolerations", "tolerations"), std::pair("affinity", "affinity"),
                          std::pair("topologySpreadConstraints", "topologySpreadConstraints"), std::pair("priorityClassName", "priorityClassName"), std::pair("hostNetwork", "hostNetwork"),
                          std::pair("shareProcessNamespace", "shareProcessNamespace"), std::pair("terminationGracePeriodSeconds", "terminationGracePeriodSeconds")})
    if (const Value* value = part(wanted, from)) pod.set(to, *value);
  Value out = labelled(collector, "apps/v1", "Deployment", name), spec = Value::map(), match = Value::map(), meta = Value::map(), pods = Value::map();
  meta.set("labels", *out.find("metadata::labels"));
  // A change of the file makes a new pod.
  Value annotations = part(wanted, "podAnnotations") ? *part(wanted, "podAnnotations") : Value::map();
  annotations.set("opentelemetry-targetallocator-config/hash", Value::string(hash_of(file)));
  meta.set("annotations", std::move(annotations));
  pods.set("metadata", std::move(meta));
  pods.set("spec", std::move(pod));
  match.set("matchLabels", allocator_labels(collector));
  spec.set("replicas", Value::of(std::int64_t{1}));  // each would divide all targets
  spec.set("selector", std::move(match));
  spec.set("template", std::move(pods));
  out.set("spec", std::move(spec));
  return out;
}

Value allocator_budget(const CollectorView& collector, const Value& wanted, const std::string& name) {
  Value out = labelled(collector, "policy/v1", "PodDisruptionBudget", name), spec = Value::map(), match = Value::map();
  if (const Value* given = part(wanted, "podDisruptionBudget")) spec = *given;
  else spec.set("maxUnavailable", Value::of(std::int64_t{1}));
  match.set("matchLabels", allocator_labels(collector));
  spec.set("selector", std::move(match));
  out.set("spec", std::move(spec));
  return out;
}

}  // namespace

std::string hash_of(std::string_view text) {
  std::array<unsigned char, 32> digest{};
  EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  std::string out;
  for (unsigned char byte : digest) out += fmt::format("{:02x}", byte);
  return out;
}

std::string short_name(std::string name) {
  name.resize(std::min<std::size_t>(name.size(), 63));
  while (name.ends_with('-')) name.pop_back();
  return name;
}

std::optional<Value> ingress_of(const CollectorView& collector) {
  const Value* wanted = part(collector.spec, "ingress");
  if (wanted == nullptr || text_at(*wanted, "type") != "ingress" || collector.ports.empty()) return std::nullopt;
  Value out = collector.object("networking.k8s.io/v1", "Ingress", short_name(collector.name + "-ingress")), spec = Value::map(), rules = Value::list();
  if (const Value* annotations = part(*wanted, "annotations")) {
    Value all = out.find("metadata::annotations") ? *out.find("metadata::annotations") : Value::map();
    for (auto& entry : annotations->entries()) all.set(entry.key, entry.value);
    out.get("metadata")->set("annotations", std::move(all));
  }
  std::string host = text_at(*wanted, "hostname"), service = short_name(collector.name + "-collector");
  if (text_at(*wanted, "ruleType") == "subdomain") {
    for (auto& port : collector.ports) rules.push_back(rule_of(host.empty() || host == "*" ? port.name : port.name + "." + host, {{"/", port.name}}, service));
  } else {
    std::vector<std::pair<std::string, std::string>> paths;
    for (auto& port : collector.ports) paths.emplace_back("/" + port.name, port.name);
    rules.push_back(rule_of(host, paths, service));
  }
  spec.set("rules", std::move(rules));
  for (std::string_view key : {"tls", "ingressClassName"})
    if (const Value* value = part(*wanted, key)) spec.set(key, *value);
  out.set("spec", std::move(spec));
  return out;
}

std::optional<Value> network_policy_of(const CollectorView& collector) {
  if (text_at(collector.spec, "networkPolicy::enabled") != "true") return std::nullopt;
  Value out = collector.object("networking.k8s.io/v1", "NetworkPolicy", short_name(collector.name + "-collector-networkpolicy")), spec = Value::map(), pods = Value::map(), rule = Value::map(), ports = Value::list();
  auto add = [&](int number, std::string_view protocol) {
    Value port = map_of({{"protocol", protocol}});
    port.set("port", Value::of(std::int64_t{number}));
    ports.push_back(std::move(port));
  };
  for (auto& port : collector.ports) add(port.target, port.protocol);
  add(8888, "TCP");  // its own metrics
  pods.set("matchLabels", collector.selector);
  spec.set("podSelector", std::move(pods));
  rule.set("ports", std::move(ports));
  Value ingress = Value::list();
  ingress.push_back(std::move(rule));
  spec.set("ingress", std::move(ingress));
  spec.set("policyTypes", inject::list_of({"Ingress"}));
  out.set("spec", std::move(spec));
  return out;
}

bool has_allocator(const Value& spec) {
  std::string mode = text_at(spec, "mode");
  return text_at(spec, "targetAllocator::enabled") == "true" && (mode == "statefulset" || mode == "daemonset");
}

Result<Value> hand_over_jobs(Value& configuration, const std::string& collector) {
  Value* receivers = configuration.get("receivers");
  Value* receiver = receivers == nullptr ? nullptr : receivers->get("prometheus");
  if (receiver == nullptr) return fail(Errc::config, "the target allocator needs a receiver that is named prometheus");
  if (receiver->is_null()) *receiver = Value::map();
  Value jobs = Value::map();
  if (Value* config = receiver->get("config"); config != nullptr && config->is_map()) {
    for (std::string_view key : {"global", "scrape_configs"})
      if (const Value* there = part(*config, key)) jobs.set(key, *there);
    without(*config, "scrape_configs");
    if (config->size() == 0) without(*receiver, "config");
  }
  undouble_dollars(jobs);
  Value allocator = part(*receiver, "target_allocator") ? *part(*receiver, "target_allocator") : Value::map();
  allocator.set("endpoint", Value::string(fmt::format("http://{}:80", short_name(collector + "-targetallocator"))));
  for (auto [key, value] : {std::pair("interval", "30s"), std::pair("collector_id", "${env:POD_NAME}")})
    if (part(allocator, key) == nullptr) allocator.set(key, Value::string(value));
  receiver->set("target_allocator", std::move(allocator));
  return jobs;
}

std::vector<Value> allocator_of(const CollectorView& collector, const Value& jobs, const std::string& image) {
  const Value& wanted = *collector.spec.get("targetAllocator");
  std::string name = allocator_name(collector), file = allocator_file(collector, wanted, jobs);
  std::vector<Value> out;
  if (text_at(wanted, "serviceAccount").empty()) out.push_back(labelled(collector, "v1", "ServiceAccount", name));
  Value map = labelled(collector, "v1", "ConfigMap", name);
  map.set("data", map_of({{"targetallocator.yaml", file}}));
  out.push_back(std::move(map));
  out.push_back(allocator_workload(collector, wanted, image, file));
  Value service = labelled(collector, "v1", "Service", name), spec = Value::map(), ports = Value::list(), port = map_of({{"name", "targetallocation"}, {"protocol", "TCP"}, {"targetPort", "http"}});
  port.set("port", Value::of(std::int64_t{80}));
  ports.push_back(std::move(port));
  spec.set("ports", std::move(ports));
  spec.set("selector", allocator_labels(collector));
  service.set("spec", std::move(spec));
  out.push_back(std::move(service));
  out.push_back(allocator_budget(collector, wanted, name));
  return out;
}

}  // namespace weir::app
