#include <doctest/doctest.h>

#include "components/shared/monitors/monitor.h"
#include "config/yaml.h"

using namespace weir;
using namespace weir::monitors;

namespace {

const std::map<std::string, std::string> secrets = {{"secret/shop/login/user", "me"}, {"secret/shop/login/password", "pass"}, {"config/shop/ca/ca.crt", "PEM"}};

Result<std::string> look_up(const Reference& reference) {
  if (reference.name == "slow") return fail(Errc::retryable, "not read yet");
  auto at = secrets.find(fmt::format("{}/{}/{}/{}", reference.config_map ? "config" : "secret", reference.name_space, reference.name, reference.key));
  return at == secrets.end() ? Result<std::string>(fail(Errc::config, "no {}", reference.name)) : at->second;
}

config::Value parse(std::string_view yaml) {
  auto value = config::parse_yaml(yaml);
  REQUIRE_MESSAGE(value, (value ? "" : value.error().what));
  return std::move(*value);
}

Result<Made> make(Kind kind, std::string_view spec, Settings settings = {}) {
  config::Value object = parse("metadata: {name: web, namespace: shop}");
  object.set("spec", parse(spec));
  if (settings.global.defaults.scrape_interval.value == 0s) settings.global.defaults.scrape_interval = 30s;
  return jobs_of(kind, object, settings, look_up);
}

const config::Value& only_job(const Result<Made>& made) {
  REQUIRE_MESSAGE(made, (made ? "" : made.error().what));
  REQUIRE(made->jobs.size() == 1);
  return made->jobs[0].written;
}

// The rules, one a line: action sources -> target regex replacement.
std::string rules(const config::Value& job, std::string_view key = "relabel_configs") {
  std::string out;
  const config::Value* list = job.get(key);
  for (std::size_t i = 0; list && i < list->items().size(); ++i) {
    auto& rule = list->items()[i];
    auto text = [&](std::string_view name) { return rule.get(name) ? rule.get(name)->text() : std::string(); };
    std::string sources;
    if (const config::Value* names = rule.get("source_labels"))
      for (auto& name : names->items()) {
        std::string short_name = name.text();
        if (short_name.starts_with("__meta_kubernetes_")) short_name = "~" + short_name.substr(18);
        sources += (sources.empty() ? "" : ",") + short_name;
      }
    out += fmt::format("{}[{}] {} {} {}\n", text("action"), sources, text("target_label"), text("regex"), text("replacement"));
  }
  return out;
}

std::string error(const Result<Made>& made) { return made ? "" : made.error().what; }

}  // namespace

TEST_CASE("monitors: the rules of a ServiceMonitor, in order") {
  auto made = make(Kind::service_monitor, R"(
selector: {matchLabels: {b.c/d: y, a: x}, matchExpressions: [{key: e, operator: NotIn, values: [p, q]}, {key: f, operator: Exists}, {key: g, operator: DoesNotExist}]}
endpoints: [{port: web, interval: 15s, path: /m, relabelings: [{sourceLabels: [x], targetLabel: y, action: Replace}], metricRelabelings: [{sourceLabels: [__name__], regex: go_.*, action: drop}]}]
targetLabels: [team]
podTargetLabels: [app.kubernetes.io/name]
jobLabel: app
sampleLimit: 10
)");
  auto& job = only_job(made);
  CHECK(made->jobs[0].config.job_name == "serviceMonitor/shop/web/0");
  CHECK(made->jobs[0].config.own.scrape_interval.value == 15s);
  CHECK(made->jobs[0].config.own.sample_limit == 10);
  CHECK(made->jobs[0].config.metrics_path == "/m");
  CHECK(config::to_json(*job.find("kubernetes_sd_configs::0")) == R"({"role":"endpointslice","namespaces":{"names":["shop"]}})");
  CHECK(rules(job) == R"([job] __tmp_prometheus_job_name  
keep[~service_label_a,~service_labelpresent_a]  (x);true 
keep[~service_label_b_c_d,~service_labelpresent_b_c_d]  (y);true 
drop[~service_label_e,~service_labelpresent_e]  (p|q);true 
keep[~service_labelpresent_f]  true 
drop[~service_labelpresent_g]  true 
keep[~endpointslice_port_name]  web 
[~endpointslice_address_target_kind,~endpointslice_address_target_name] node Node;(.*) ${1}
[~endpointslice_address_target_kind,~endpointslice_address_target_name] pod Pod;(.*) ${1}
[~namespace] namespace  
[~service_name] service  
[~pod_name] pod  
[~pod_container_name] container  
drop[~pod_phase]  (Failed|Succeeded) 
[~service_label_team] team (.+) ${1}
[~pod_label_app_kubernetes_io_name] app_kubernetes_io_name (.+) ${1}
[~service_name] job  ${1}
[~service_label_app] job (.+) ${1}
[] endpoint  web
replace[x] y  
)");
  CHECK(rules(job, "metric_relabel_configs") == "drop[__name__]  go_.* \n");
}

TEST_CASE("monitors: the rules of a PodMonitor, in order; namespaces") {
  auto made = make(Kind::pod_monitor, "{selector: {matchLabels: {a: x}}, namespaceSelector: {any: true}, attachMetadata: {node: true}, jobLabel: app, podMetricsEndpoints: [{targetPort: 8080, filterRunning: false}, {port: m}]}");
  REQUIRE_MESSAGE(made, error(made));
  REQUIRE(made->jobs.size() == 2);
  CHECK(config::to_json(*made->jobs[0].written.find("kubernetes_sd_configs::0")) == R"({"role":"pod","attach_metadata":{"node":true}})");
  CHECK(rules(made->jobs[0].written) == R"([job] __tmp_prometheus_job_name  
keep[~pod_label_a,~pod_labelpresent_a]  (x);true 
keep[~pod_container_port_number]  8080 
[~namespace] namespace  
[~pod_container_name] container  
[~pod_name] pod  
[] job  shop/web
[~pod_label_app] job (.+) ${1}
[] endpoint  8080
)");
  CHECK(made->jobs[1].config.job_name == "podMonitor/shop/web/1");
  CHECK(rules(made->jobs[1].written).find("drop[~pod_phase]  (Failed|Succeeded) \nkeep[~pod_label_a") != std::string::npos);
  auto names = make(Kind::pod_monitor, "{selector: {}, namespaceSelector: {matchNames: [a, b]}, podMetricsEndpoints: [{portNumber: 80}]}");
  CHECK(config::to_json(*only_job(names).find("kubernetes_sd_configs::0::namespaces")) == R"({"names":["a","b"]})");
  auto by_server = make(Kind::pod_monitor, "{selector: {matchLabels: {a: x}, matchExpressions: [{key: b, operator: In, values: [y, z]}]}, selectorMechanism: RoleSelector, podMetricsEndpoints: [{port: m}]}");
  CHECK(config::to_json(*only_job(by_server).find("kubernetes_sd_configs::0::selectors")) == R"~([{"role":"pod","label":"a=x,b in (y,z)"}])~");
  CHECK(rules(only_job(by_server)).find("pod_label_a") == std::string::npos);
}

TEST_CASE("monitors: a Probe of fixed targets and one of ingresses") {
  auto fixed = make(Kind::probe, "{jobName: j, module: http_2xx, prober: {url: 'blackbox:9115'}, params: [{name: a, values: [b]}], targets: {staticConfig: {static: [https://x.test], labels: {c: d}}}}");
  auto& job = only_job(fixed);
  CHECK(fixed->jobs[0].config.job_name == "probe/shop/web");
  CHECK(fixed->jobs[0].config.metrics_path == "/probe");
  CHECK(config::to_json(*job.get("params")) == R"({"module":["http_2xx"],"a":["b"]})");
  CHECK(config::to_json(*job.get("static_configs")) == R"([{"targets":["https://x.test"],"labels":{"c":"d","namespace":"shop"}}])");
  CHECK(rules(job) == "[job] __tmp_prometheus_job_name  \n[] job  j\n[__address__] __param_target  \n[__param_target] instance  \n[] __address__  blackbox:9115\n");
  auto ingress = make(Kind::probe, "{prober: {url: p}, targets: {ingress: {selector: {matchLabels: {a: b}}, relabelingConfigs: [{targetLabel: z, replacement: v}]}}}");
  CHECK(rules(only_job(ingress)) == R"([job] __tmp_prometheus_job_name  
keep[~ingress_label_a,~ingress_labelpresent_a]  (b);true 
replace[~ingress_scheme,__address__,~ingress_path] __param_target (.+);(.+);(.+) ${1}://${2}${3}
[~namespace] namespace  
[~ingress_name] ingress  
replace[__address__] __tmp_ingress_address (.*) $1
[__param_target] instance  
[] __address__  p
[] z  v
)");
}

TEST_CASE("monitors: a ScrapeConfig") {
  auto made = make(Kind::scrape_config, R"({jobName: j, metricsPath: /x, scheme: HTTPS, scrapeInterval: 1m, staticConfigs: [{targets: ['a:1'], labels: {l: v}}], kubernetesSDConfigs: [{role: Node, namespaces: {ownNamespace: true}, selectors: [{role: Node, label: a=b}]}],
httpSDConfigs: [{url: 'http://sd/', refreshInterval: 10s, basicAuth: {username: {name: login, key: user}, password: {name: login, key: password}}}], relabelings: [{regex: x, action: LabelDrop}]})");
  auto& job = only_job(made);
  CHECK(made->jobs[0].config.job_name == "scrapeConfig/shop/web");
  CHECK(made->jobs[0].config.scheme == "https");
  CHECK(config::to_json(*job.get("http_sd_configs")) == R"([{"url":"http://sd/","refresh_interval":"10s","basic_auth":{"username":"me","password":"pass"}}])");
  CHECK(config::to_json(*job.get("kubernetes_sd_configs")) == R"([{"role":"node","namespaces":{"own_namespace":true},"selectors":[{"role":"node","label":"a=b"}]}])");
  CHECK(rules(job) == "[job] __tmp_prometheus_job_name  \nreplace[] job  j\nlabeldrop[]  x \n");
}

TEST_CASE("monitors: credentials, certificates and scrape classes") {
  auto made = make(Kind::service_monitor, "{selector: {}, endpoints: [{port: a, scheme: https, basicAuth: {username: {name: login, key: user}, password: {name: login, key: password}}, tlsConfig: {insecureSkipVerify: true, serverName: s, caFile: /nowhere/ca.crt}}]}");
  CHECK(config::to_json(*only_job(made).get("basic_auth")) == R"({"username":"me","password":"pass"})");
  CHECK(config::to_json(*only_job(made).get("tls_config")) == R"({"insecure_skip_verify":true,"ca_file":"/nowhere/ca.crt","server_name":"s"})");
  auto token = make(Kind::pod_monitor, "{selector: {}, podMetricsEndpoints: [{port: a, authorization: {credentials: {name: login, key: password}}}]}");
  CHECK(config::to_json(*only_job(token).get("authorization")) == R"({"type":"Bearer","credentials":"pass"})");

  Settings settings;
  settings.scrape_classes.push_back(parse("{name: std, default: true, relabelings: [{targetLabel: c, replacement: std}], authorization: {credentialsFile: /token}, metricRelabelings: [{regex: m, action: labeldrop}]}"));
  settings.scrape_classes.push_back(parse("{name: other, tlsConfig: {certFile: /c, keyFile: /k}}"));
  auto of_class = make(Kind::service_monitor, "{selector: {}, endpoints: [{port: a, relabelings: [{targetLabel: own, replacement: x}]}]}", settings);
  CHECK(rules(only_job(of_class)).ends_with("[] endpoint  a\n[] c  std\n[] own  x\n"));
  CHECK(config::to_json(*only_job(of_class).get("authorization")) == R"({"type":"Bearer","credentials_file":"/token"})");
  CHECK(rules(only_job(of_class), "metric_relabel_configs") == "labeldrop[]  m \n");
  auto named = make(Kind::service_monitor, "{selector: {}, scrapeClass: other, endpoints: [{port: a, tlsConfig: {serverName: s}}]}", settings);
  CHECK(config::to_json(*only_job(named).get("tls_config")) == R"({"cert_file":"/c","key_file":"/k","server_name":"s"})");
  CHECK(error(make(Kind::service_monitor, "{selector: {}, scrapeClass: none, endpoints: [{port: a}]}", settings)).find("\"none\"") != std::string::npos);
}

TEST_CASE("monitors: what is wrong with one endpoint skips the monitor and is named") {
  struct { Kind kind; std::string_view spec, what; } const rows[] = {
      {Kind::service_monitor, "{selector: {matchExpressions: [{key: a, operator: In}]}, endpoints: [{port: p}]}", "values set can't be empty"},
      {Kind::service_monitor, "{selector: {matchExpressions: [{key: a, operator: Like, values: [b]}]}, endpoints: [{port: p}]}", "Like"},
      {Kind::service_monitor, "{selector: {matchLabels: {'a b': c}}, endpoints: [{port: p}]}", "'a b'"},
      {Kind::service_monitor, "{selector: {}, endpoints: [{port: p}, {port: q, interval: 10s, scrapeTimeout: 20s}]}", "endpoints[1]: scrape timeout greater than scrape interval"},
      {Kind::service_monitor, "{selector: {}, endpoints: [{port: p, interval: soon}]}", "soon"},
      {Kind::service_monitor, "{selector: {}, endpoints: [{port: p, relabelings: [{action: hashmod, targetLabel: a}]}]}", "non-zero modulus"},
      {Kind::service_monitor, "{selector: {}, endpoints: [{port: p, metricRelabelings: [{regex: '(', targetLabel: a}]}]}", "endpoints[0]"},
      {Kind::pod_monitor, "{selector: {}, podMetricsEndpoints: [{port: p, basicAuth: {password: {name: gone, key: k}}}]}", "podMetricsEndpoints[0]: no gone"},
      {Kind::pod_monitor, "{selector: {}, podMetricsEndpoints: [{port: p, oauth2: {clientSecret: {name: login, key: user}}}]}", "clientId"},
      {Kind::probe, "{prober: {url: p}, targets: {}}", "targets.ingress"},
      {Kind::probe, "{prober: {url: 'http://p/'}, targets: {staticConfig: {static: [a]}}}", "hostname:port"},
      {Kind::scrape_config, "{consulSDConfigs: [{server: a}]}", "consulSDConfigs is not supported"},
      {Kind::scrape_config, "{kubernetesSDConfigs: [{role: Pod, apiServer: 'https://x'}]}", "kubernetesSDConfigs[0]: apiServer is not supported"},
  };
  for (auto& row : rows) {
    CAPTURE(row.spec);
    auto made = make(row.kind, row.spec);
    REQUIRE(!made);
    CHECK_MESSAGE(made.error().what.find(row.what) != std::string::npos, made.error().what);
    CHECK(made.error().code == Errc::config);
  }
  CHECK(make(Kind::pod_monitor, "{selector: {}, podMetricsEndpoints: [{basicAuth: {password: {name: slow, key: k}}}]}").error().code == Errc::retryable);
}

TEST_CASE("monitors: endpoints that name files can be left out") {
  Settings settings{.global = {}, .scrape_classes = {}, .deny_files = true};
  auto made = make(Kind::service_monitor, "{selector: {}, endpoints: [{port: a, bearerTokenFile: /token}, {port: b}, {port: c, tlsConfig: {caFile: /ca}}]}", settings);
  REQUIRE_MESSAGE(made, error(made));
  REQUIRE(made->jobs.size() == 1);
  CHECK(made->jobs[0].config.job_name == "serviceMonitor/shop/web/1");
  REQUIRE(made->left_out.size() == 2);
  CHECK(made->left_out[0] == "endpoints[0]: it reads a file, which is not allowed: bearer_token_file: /token");
}

TEST_CASE("selectors: matching and text") {
  std::vector<kube::Pair> labels{{"app", "web"}, {"tier", "front"}};
  struct { std::string_view selector; bool matches; std::string_view text; } const rows[] = {
      {"{}", true, ""},
      {"{matchLabels: {tier: front, app: web}}", true, "app=web,tier=front"},
      {"{matchlabels: {app: api}}", false, "app=api"},
      {"{matchExpressions: [{key: app, operator: In, values: [api, web]}]}", true, "app in (api,web)"},
      {"{matchExpressions: [{key: app, operator: NotIn, values: [web]}, {key: x, operator: DoesNotExist}]}", false, "app notin (web),!x"},
      {"{matchExpressions: [{key: x, operator: NotIn, values: [web]}, {key: tier, operator: Exists}]}", true, "x notin (web),tier"},
  };
  for (auto& row : rows) {
    CAPTURE(row.selector);
    auto selector = Selector::make(parse(row.selector));
    REQUIRE(selector);
    CHECK(selector->matches(labels) == row.matches);
    CHECK(selector->to_string() == row.text);
  }
}
