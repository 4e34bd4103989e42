// ServiceMonitor and PodMonitor: targets are endpoints of services, or pods.
#include "components/shared/monitors/parts.h"

namespace weir::monitors {
namespace {

constexpr std::string_view pod_prefix = "__meta_kubernetes_pod_", service_prefix = "__meta_kubernetes_service_";

void add_times(const Value& endpoint, Value& out) {
  for (auto [from, to] : {std::pair("interval", "scrape_interval"), std::pair("scrapeTimeout", "scrape_timeout"), std::pair("path", "metrics_path"),
                          std::pair("params", "params"), std::pair("honorTimestamps", "honor_timestamps"), std::pair("trackTimestampsStaleness", "track_timestamps_staleness")})
    copy(endpoint, from, out, to);
  if (std::string scheme = text(endpoint, "scheme"); !scheme.empty()) out.set("scheme", Value::string(scheme == "HTTPS" || scheme == "https" ? "https" : "http"));
  out.set("honor_labels", Value::of(is_true(endpoint, "honorLabels")));
}

void add_behind_rules(const Source& source, const Value& endpoint, Value rules, Value& out) {
  add_rules(child(source.scrape_class, "relabelings"), rules);
  add_rules(child(endpoint, "relabelings"), rules);
  out.set("relabel_configs", std::move(rules));
  add_limits(source.spec, out);
  add_histograms(source.spec, out);
  copy(source.scrape_class, "fallbackScrapeProtocol", out, "fallback_scrape_protocol");
  copy(source.spec, "fallbackScrapeProtocol", out, "fallback_scrape_protocol");
  if (Value metric = metric_rules(source, child(endpoint, "metricRelabelings")); metric.size() > 0) out.set("metric_relabel_configs", std::move(metric));
}

// With selectorMechanism RoleSelector the API server selects, otherwise rules do.
bool server_selects(const Source& source) { return text(source.spec, "selectorMechanism") == "RoleSelector"; }

void add_role_selectors(const Selector& selector, std::initializer_list<std::string_view> roles, Value& discovery) {
  Value list = Value::list();
  for (auto role : roles) {
    Value one = Value::map();
    one.set("role", Value::string(std::string(role)));
    one.set("label", Value::string(selector.to_string()));
    list.push_back(std::move(one));
  }
  discovery.set("selectors", std::move(list));
}

Result<Value> begin(const Source& source, const Value& endpoint, std::string_view word, std::size_t index) {
  Value out = Value::map();
  out.set("job_name", Value::string(fmt::format("{}/{}/{}/{}", word, source.name_space, source.name, index)));
  add_times(endpoint, out);
  WEIR_TRY(add_http(source, endpoint, out, true));
  return out;
}

// The port of the container, by name or by number; "" when the monitor does not say.
std::string container_port(const Value& port, Value& rules) {
  if (port.is_null() || port.text().empty() || port.text() == "0") return "";
  bool number = port.kind() == Value::Kind::integer;
  rules.push_back(rule({.sources = {number ? "__meta_kubernetes_pod_container_port_number" : "__meta_kubernetes_pod_container_port_name"}, .regex = port.text(), .action = "keep"}));
  return port.text();
}

void add_names(const std::vector<std::pair<std::string, std::string>>& names, Value& rules) {
  for (auto& [label, target] : names) rules.push_back(rule({.sources = {label}, .target = target}));
}

void add_job_label(const Source& source, std::string_view prefix, Value& rules) {
  std::string label = text(source.spec, "jobLabel");
  if (label.empty()) return;
  rules.push_back(rule({.sources = {fmt::format("{}label_{}", prefix, label_part(label))}, .target = "job", .regex = "(.+)", .replacement = "${1}"}));
}

void add_endpoint_label(const std::string& port, Value& rules) {
  if (!port.empty()) rules.push_back(rule({.target = "endpoint", .replacement = port}));
}

}  // namespace

Result<Value> service_monitor_job(const Source& source, const Value& endpoint, std::size_t index) {
  WEIR_ASSIGN(Selector selector, Selector::make(child(source.spec, "selector")));
  WEIR_ASSIGN(Value out, begin(source, endpoint, "serviceMonitor", index));
  bool slices = text(source.spec, "serviceDiscoveryRole") != "Endpoints";
  std::string role = slices ? "endpointslice" : "endpoints";
  WEIR_ASSIGN(Value discovery, kubernetes_discovery(source, child(source.spec, "namespaceSelector"), role, child(source.spec, "attachMetadata")));
  Value rules = first_rules();
  if (server_selects(source)) add_role_selectors(selector, {role, "service"}, discovery);
  else add_selector_rules(selector, service_prefix, rules);
  Value discoveries = Value::list();
  discoveries.push_back(std::move(discovery));
  out.set("kubernetes_sd_configs", std::move(discoveries));

  std::string meta = fmt::format("__meta_kubernetes_{}_", slices ? "endpointslice" : "endpoint"), port = text(endpoint, "port");
  if (!port.empty()) rules.push_back(rule({.sources = {meta + "port_name"}, .regex = port, .action = "keep"}));
  else port = container_port(child(endpoint, "targetPort"), rules);
  for (auto [kind, target] : {std::pair("Node", "node"), std::pair("Pod", "pod")})
    rules.push_back(rule({.sources = {meta + "address_target_kind", meta + "address_target_name"}, .target = target, .regex = fmt::format("{};(.*)", kind), .replacement = "${1}", .separator = ";"}));
  add_names({{"__meta_kubernetes_namespace", "namespace"}, {"__meta_kubernetes_service_name", "service"}, {"__meta_kubernetes_pod_name", "pod"},
             {"__meta_kubernetes_pod_container_name", "container"}}, rules);
  if (is_true(endpoint, "filterRunning", true)) add_phase_rule(rules);
  add_label_rules(child(source.spec, "targetLabels"), service_prefix, rules);
  add_label_rules(child(source.spec, "podTargetLabels"), pod_prefix, rules);
  rules.push_back(rule({.sources = {"__meta_kubernetes_service_name"}, .target = "job", .replacement = "${1}"}));
  add_job_label(source, service_prefix, rules);
  add_endpoint_label(port, rules);
  add_behind_rules(source, endpoint, std::move(rules), out);
  return out;
}

Result<Value> pod_monitor_job(const Source& source, const Value& endpoint, std::size_t index) {
  WEIR_ASSIGN(Selector selector, Selector::make(child(source.spec, "selector")));
  WEIR_ASSIGN(Value out, begin(source, endpoint, "podMonitor", index));
  WEIR_ASSIGN(Value discovery, kubernetes_discovery(source, child(source.spec, "namespaceSelector"), "pod", child(source.spec, "attachMetadata")));
  Value rules = first_rules();
  if (is_true(endpoint, "filterRunning", true)) add_phase_rule(rules);
  if (server_selects(source)) add_role_selectors(selector, {"pod"}, discovery);
  else add_selector_rules(selector, pod_prefix, rules);
  Value discoveries = Value::list();
  discoveries.push_back(std::move(discovery));
  out.set("kubernetes_sd_configs", std::move(discoveries));

  std::string port = text(endpoint, "port"), shown = port;
  if (!port.empty()) rules.push_back(rule({.sources = {"__meta_kubernetes_pod_container_port_name"}, .regex = port, .action = "keep"}));
  else if (container_port(child(endpoint, "portNumber"), rules).empty()) shown = container_port(child(endpoint, "targetPort"), rules);
  add_names({{"__meta_kubernetes_namespace", "namespace"}, {"__meta_kubernetes_pod_container_name", "container"}, {"__meta_kubernetes_pod_name", "pod"}}, rules);
  add_label_rules(child(source.spec, "podTargetLabels"), pod_prefix, rules);
  rules.push_back(rule({.target = "job", .replacement = fmt::format("{}/{}", source.name_space, source.name)}));
  add_job_label(source, pod_prefix, rules);
  add_endpoint_label(shown, rules);
  add_behind_rules(source, endpoint, std::move(rules), out);
  return out;
}

}  // namespace weir::monitors
