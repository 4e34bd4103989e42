// Probe and ScrapeConfig: targets that no workload of the cluster has to be.
#include "base/text.h"
#include "components/shared/monitors/parts.h"

namespace weir::monitors {
namespace {

Result<> check_prober(std::string_view url) {
  if (url.empty() || url.find('/') != url.npos || url.find(' ') != url.npos)
    return fail(Errc::config, "\"{}\" url specified in prober is invalid, it should be of the format `hostname` or `hostname:port`", url);
  return {};
}

void add_prober_rules(std::string_view url, Value& rules) {
  rules.push_back(rule({.sources = {"__param_target"}, .target = "instance"}));
  rules.push_back(rule({.target = "__address__", .replacement = std::string(url)}));
}

void add_static_targets(const Source& source, const Value& targets, std::string_view url, Value& rules, Value& out) {
  Value labels = child(targets, "labels").is_map() ? child(targets, "labels") : Value::map();
  if (labels.get("namespace") == nullptr) labels.set("namespace", Value::string(source.name_space));
  Value group = Value::map(), list = Value::list();
  group.set("targets", child(targets, "static").is_list() ? child(targets, "static") : Value::list());
  group.set("labels", std::move(labels));
  list.push_back(std::move(group));
  out.set("static_configs", std::move(list));
  rules.push_back(rule({.sources = {"__address__"}, .target = "__param_target"}));
  add_prober_rules(url, rules);
}

Result<> add_ingress_targets(const Source& source, const Value& ingress, std::string_view url, Value& rules, Value& out) {
  WEIR_ASSIGN(Selector selector, Selector::make(child(ingress, "selector")));
  add_selector_rules(selector, "__meta_kubernetes_ingress_", rules);
  WEIR_ASSIGN(Value discovery, kubernetes_discovery(source, child(ingress, "namespaceSelector"), "ingress", Value()));
  Value list = Value::list();
  list.push_back(std::move(discovery));
  out.set("kubernetes_sd_configs", std::move(list));
  rules.push_back(rule({.sources = {"__meta_kubernetes_ingress_scheme", "__address__", "__meta_kubernetes_ingress_path"}, .target = "__param_target",
                        .regex = "(.+);(.+);(.+)", .replacement = "${1}://${2}${3}", .separator = ";", .action = "replace"}));
  rules.push_back(rule({.sources = {"__meta_kubernetes_namespace"}, .target = "namespace"}));
  rules.push_back(rule({.sources = {"__meta_kubernetes_ingress_name"}, .target = "ingress"}));
  rules.push_back(rule({.sources = {"__address__"}, .target = "__tmp_ingress_address", .regex = "(.*)", .replacement = "$1", .separator = ";", .action = "replace"}));
  add_prober_rules(url, rules);
  return {};
}

Value params_of(const Value& spec) {
  Value out = Value::map();
  std::string module = text(spec, "module");
  if (!module.empty()) out.set("module", list_of({module}));
  for (auto& param : child(spec, "params").items()) {
    std::string name = text(param, "name");
    if (name.empty() || (name == "module" && !module.empty())) continue;
    out.set(name, child(param, "values").is_list() ? child(param, "values") : Value::list());
  }
  return out;
}

std::string scheme_of(const std::string& scheme) { return to_lower(scheme); }

}  // namespace

Result<Value> probe_job(const Source& source) {
  const Value &spec = source.spec, &prober = child(spec, "prober"), &targets = child(spec, "targets");
  std::string url = text(prober, "url"), path = text(prober, "path");
  WEIR_TRY(check_prober(url));
  Value out = Value::map();
  out.set("job_name", Value::string(fmt::format("probe/{}/{}", source.name_space, source.name)));
  out.set("honor_timestamps", Value::of(true));
  out.set("metrics_path", Value::string(path.empty() ? "/probe" : path));
  copy(spec, "interval", out, "scrape_interval");
  copy(spec, "scrapeTimeout", out, "scrape_timeout");
  if (std::string scheme = text(prober, "scheme"); !scheme.empty()) out.set("scheme", Value::string(scheme_of(scheme)));
  if (Value params = params_of(spec); params.size() > 0) out.set("params", std::move(params));
  add_limits(spec, out);
  add_histograms(spec, out);
  copy(source.scrape_class, "fallbackScrapeProtocol", out, "fallback_scrape_protocol");
  copy(spec, "fallbackScrapeProtocol", out, "fallback_scrape_protocol");
  WEIR_TRY(add_http(source, spec, out, true));
  WEIR_TRY(add_proxy(source, prober, out));

  Value rules = first_rules();
  if (std::string job = text(spec, "jobName"); !job.empty()) rules.push_back(rule({.target = "job", .replacement = job}));
  const Value &fixed = child(targets, "staticConfig"), &ingress = child(targets, "ingress");
  if (fixed.is_null() && ingress.is_null()) return fail(Errc::config, "at least one of targets.staticConfig and targets.ingress is required");
  if (!fixed.is_null()) add_static_targets(source, fixed, url, rules, out);
  else WEIR_TRY(add_ingress_targets(source, ingress, url, rules, out));
  add_rules(child(source.scrape_class, "relabelings"), rules);
  add_rules(child(fixed.is_null() ? ingress : fixed, "relabelingConfigs"), rules);
  out.set("relabel_configs", std::move(rules));
  if (Value metric = metric_rules(source, child(spec, "metricRelabelings")); metric.size() > 0) out.set("metric_relabel_configs", std::move(metric));
  return out;
}

namespace {

Result<Value> http_discovery(const Source& source, const Value& in) {
  Value out = Value::map();
  copy(in, "url", out, "url");
  copy(in, "refreshInterval", out, "refresh_interval");
  WEIR_TRY(add_http(source, in, out, false));
  return out;
}

Result<Value> cluster_discovery(const Source&, const Value& in) {
  for (std::string_view key : {"apiServer", "basicAuth", "authorization", "oauth2", "tlsConfig", "proxyUrl"})
    if (!child(in, key).is_null()) return fail(Errc::config, "{} is not supported: weir uses its own access to the API server", key);
  Value out = Value::map();
  out.set("role", Value::string(to_lower(text(in, "role"))));
  if (const Value& namespaces = child(in, "namespaces"); !namespaces.is_null()) {
    Value made = Value::map();
    copy(namespaces, "names", made, "names");
    copy(namespaces, "ownNamespace", made, "own_namespace");
    out.set("namespaces", std::move(made));
  }
  Value selectors = Value::list();
  for (auto& selector : child(in, "selectors").items()) {
    Value made = Value::map();
    made.set("role", Value::string(to_lower(text(selector, "role"))));
    copy(selector, "label", made, "label");
    copy(selector, "field", made, "field");
    selectors.push_back(std::move(made));
  }
  if (selectors.size() > 0) out.set("selectors", std::move(selectors));
  if (const Value& attach = child(in, "attachMetadata"); attach.is_map()) out.set("attach_metadata", attach);
  return out;
}

Result<Value> plain_discovery(const Source&, const Value& in) {
  Value out = Value::map();
  for (auto [from, to] : {std::pair("targets", "targets"), std::pair("labels", "labels"), std::pair("files", "files"), std::pair("names", "names"),
                          std::pair("refreshInterval", "refresh_interval"), std::pair("type", "type"), std::pair("port", "port")})
    copy(in, from, out, to);
  return out;
}

Result<> add_discoveries(const Source& source, Value& out) {
  using Make = Result<Value> (*)(const Source&, const Value&);
  struct Known { std::string_view from, to; Make make; };
  static constexpr std::array known = {Known{"staticConfigs", "static_configs", plain_discovery}, Known{"fileSDConfigs", "file_sd_configs", plain_discovery},
                                       Known{"dnsSDConfigs", "dns_sd_configs", plain_discovery}, Known{"httpSDConfigs", "http_sd_configs", http_discovery},
                                       Known{"kubernetesSDConfigs", "kubernetes_sd_configs", cluster_discovery}};
  for (auto& [key, mark, value] : source.spec.entries()) {
    auto kind = std::find_if(known.begin(), known.end(), [&](auto& k) { return k.from == key; });
    if (kind == known.end() && key.ends_with("SDConfigs") && value.size() > 0) return fail(Errc::config, "{} is not supported", key);
    if (kind == known.end() || value.size() == 0) continue;
    Value list = Value::list();
    for (std::size_t i = 0; i < value.items().size(); ++i) {
      auto made = kind->make(source, value.items()[i]);
      if (!made) return fail(made.error().code, "{}[{}]: {}", key, i, made.error().what);
      list.push_back(std::move(*made));
    }
    out.set(kind->to, std::move(list));
  }
  return {};
}

}  // namespace

Result<Value> scrape_config_job(const Source& source) {
  const Value& spec = source.spec;
  Value out = Value::map();
  out.set("job_name", Value::string(fmt::format("scrapeConfig/{}/{}", source.name_space, source.name)));
  for (auto [from, to] : {std::pair("honorTimestamps", "honor_timestamps"), std::pair("trackTimestampsStaleness", "track_timestamps_staleness"), std::pair("honorLabels", "honor_labels"),
                          std::pair("metricsPath", "metrics_path"), std::pair("params", "params"), std::pair("enableCompression", "enable_compression"),
                          std::pair("scrapeInterval", "scrape_interval"), std::pair("scrapeTimeout", "scrape_timeout")})
    copy(spec, from, out, to);
  if (std::string scheme = text(spec, "scheme"); !scheme.empty()) out.set("scheme", Value::string(scheme_of(scheme)));
  copy(source.scrape_class, "fallbackScrapeProtocol", out, "fallback_scrape_protocol");
  copy(spec, "fallbackScrapeProtocol", out, "fallback_scrape_protocol");
  WEIR_TRY(add_http(source, spec, out, true));
  add_limits(spec, out);
  add_histograms(spec, out);
  WEIR_TRY(add_discoveries(source, out));
  Value rules = first_rules();
  add_rules(child(source.scrape_class, "relabelings"), rules);
  if (std::string job = text(spec, "jobName"); !job.empty()) rules.push_back(rule({.target = "job", .replacement = job, .action = "replace"}));
  add_rules(child(spec, "relabelings"), rules);
  out.set("relabel_configs", std::move(rules));
  if (Value metric = metric_rules(source, child(spec, "metricRelabelings")); metric.size() > 0) out.set("metric_relabel_configs", std::move(metric));
  if (std::string scheme = text(spec, "nameValidationScheme"); !scheme.empty()) out.set("metric_name_validation_scheme", Value::string(to_lower(scheme)));
  if (std::string scheme = text(spec, "nameEscapingScheme"); !scheme.empty()) {
    constexpr std::array names = {std::pair("AllowUTF8", "allow-utf-8"), std::pair("Underscores", "underscores"), std::pair("Dots", "dots"), std::pair("Values", "values")};
    for (auto [from, to] : names)
      if (scheme == from) scheme = to;
    out.set("metric_name_escaping_scheme", Value::string(scheme));
  }
  return out;
}

}  // namespace weir::monitors
