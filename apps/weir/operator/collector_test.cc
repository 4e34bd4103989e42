#include "weir/operator/collector.h"

#include <doctest/doctest.h>

#include "config/yaml.h"
#include "io/simulation.h"
#include "kube/json.h"
#include "kube/testing.h"
#include "weir/operator/collectors.h"
#include "weir/operator/restarts.h"
#include "weir/operator/status.h"

using namespace weir;
using namespace weir::app;
using config::Value;
using inject::text_at;

namespace {

const std::string configuration = "config: {receivers: {otlp: {protocols: {grpc: {endpoint: '0.0.0.0:4317'}, http: null}}, zipkin: null, jaeger/unused: {protocols: {grpc: {}}}}, exporters: {nop: null}, extensions: {health_check: {endpoint: '0.0.0.0:13200', path: /h}}, "
                                  "service: {extensions: [health_check], pipelines: {traces: {receivers: [otlp, zipkin], exporters: [nop]}}}}";

Value collector(std::string_view spec) {
  auto parsed = config::parse_yaml(spec);
  REQUIRE_MESSAGE(parsed, (parsed ? "" : parsed.error().what));
  Value out = Value::map();
  out.set("metadata", inject::map_of({{"name", "main"}, {"namespace", "otel"}, {"uid", "u"}}));
  out.set("spec", std::move(*parsed));
  return out;
}

const Value& object_of(const Manifests& manifests, std::string_view kind, std::string_view name) {
  for (auto& object : manifests.objects)
    if (text_at(object, "kind") == kind && text_at(object, "metadata::name") == name) return object;
  FAIL("no ", kind, " ", name);
  return manifests.objects[0];
}

Manifests manifests(std::string_view spec) {
  Value object = collector(spec);
  apply_collector_defaults(object);
  auto made = manifests_of(object, {});
  REQUIRE_MESSAGE(made, (made ? "" : made.error().what));
  return std::move(*made);
}

std::string errors(std::string_view spec, const Value* before = nullptr) {
  auto verdict = check_collector(collector(spec), before);
  return verdict.errors.empty() ? "" : verdict.errors[0];
}

}  // namespace

TEST_CASE("operator: a deployment of a collector, its ports and probes") {
  auto made = manifests("{" + configuration + ", replicas: 2, image: 'weir:1', env: [{name: A, value: b}], args: {feature-gates: x}, ports: [{name: extra, port: 9000, targetPort: 9001}]}");
  CHECK(made.unsupported.empty());
  auto& deployment = object_of(made, "Deployment", "main-collector");
  CHECK(path_of(deployment) == "/apis/apps/v1/namespaces/otel/deployments/main-collector");
  CHECK(text_at(deployment, "spec::replicas") == "2");
  CHECK(text_at(deployment, "metadata::ownerReferences::0::uid") == "u");
  const Value* container = deployment.find("spec::template::spec::containers::0");
  REQUIRE(container);
  CHECK(text_at(*container, "name") == "otc-container");
  CHECK(text_at(*container, "image") == "weir:1");
  CHECK(config::to_json(*container->get("args")) == R"(["--config=/conf/collector.yaml","--feature-gates=x"])");
  CHECK(text_at(*container, "livenessProbe::httpGet::port") == "13200");
  CHECK(text_at(*container, "readinessProbe::httpGet::path") == "/h");
  CHECK(inject::find_env(*container, "MY_POD_IP") != nullptr);
  CHECK(inject::env_text(*container, "A") == "b");
  auto& service = object_of(made, "Service", "main-collector");
  std::string ports;
  for (auto& port : service.find("spec::ports")->items()) ports += fmt::format("{}={}>{} ", text_at(port, "name"), text_at(port, "port"), text_at(port, "targetPort"));
  CHECK(ports == "extra=9000>9001 otlp-grpc=4317>4317 otlp-http=4318>4318 zipkin=9411>9411 ");
  CHECK(text_at(object_of(made, "Service", "main-collector-headless"), "spec::clusterIP") == "None");
  CHECK(text_at(object_of(made, "Service", "main-collector-monitoring"), "spec::ports::0::port") == "8888");
  CHECK(text_at(object_of(made, "PodDisruptionBudget", "main-collector"), "spec::maxUnavailable") == "1");
  CHECK(text_at(object_of(made, "ConfigMap", "main-collector"), "data::collector.yaml").find("0.0.0.0:4317") != std::string::npos);
  object_of(made, "ServiceAccount", "main-collector");
  auto other = manifests("{" + configuration + ", replicas: 3}");
  auto hash = [](const Manifests& m, std::string_view kind) { return text_at(object_of(m, kind, "main-collector"), "spec::template::metadata::annotations::opentelemetry-operator-config/sha256"); };
  CHECK(hash(made, "Deployment") == hash(other, "Deployment"));
}

TEST_CASE("operator: labels and annotations of a collector are those of what is made of it") {
  Value object = collector("{" + configuration + ", podAnnotations: {p: q}, podDisruptionBudget: {maxUnavailable: 1, minAvailable: 2}}");
  object.get("metadata")->set("labels", inject::map_of({{"team", "blue"}, {"app.kubernetes.io/part-of", "mine"}}));
  object.get("metadata")->set("annotations", inject::map_of({{"note", "n"}, {"kubectl.kubernetes.io/last-applied-configuration", "{}"}}));
  auto made = manifests_of(object, {});
  REQUIRE(made);
  auto& deployment = object_of(*made, "Deployment", "main-collector");
  for (auto path : {"metadata", "spec::template::metadata"}) {
    CHECK(text_at(deployment, fmt::format("{}::labels::team", path)) == "blue");
    CHECK(text_at(deployment, fmt::format("{}::labels::app.kubernetes.io/part-of", path)) == "opentelemetry");
    CHECK(text_at(deployment, fmt::format("{}::annotations::note", path)) == "n");
    CHECK(deployment.find(path)->get("annotations")->get("kubectl.kubernetes.io/last-applied-configuration") == nullptr);
  }
  CHECK(text_at(deployment, "spec::template::metadata::annotations::p") == "q");
  CHECK(deployment.find("spec::selector::matchLabels")->get("team") == nullptr);
  CHECK(text_at(object_of(*made, "Service", "main-collector-headless"), "metadata::labels::app.kubernetes.io/name") == "main-collector-headless");
  CHECK(config::to_json(*object_of(*made, "PodDisruptionBudget", "main-collector").find("spec")).starts_with(R"({"minAvailable":2,"selector")"));
}

TEST_CASE("operator: modes of collectors") {
  auto daemons = manifests("{" + configuration + ", mode: daemonset, hostNetwork: true, serviceAccount: own}");
  auto& set = object_of(daemons, "DaemonSet", "main-collector");
  CHECK(text_at(set, "spec::template::spec::dnsPolicy") == "ClusterFirstWithHostNet");
  CHECK(text_at(set, "spec::template::spec::serviceAccountName") == "own");
  for (auto& object : daemons.objects) CHECK(text_at(object, "kind") != "PodDisruptionBudget");
  auto stateful = manifests("{" + configuration + ", mode: statefulset, volumeClaimTemplates: [{metadata: {name: data}}], autoscaler: {maxReplicas: 5}}");
  auto& replicas = object_of(stateful, "StatefulSet", "main-collector");
  CHECK(text_at(replicas, "spec::serviceName") == "main-collector-headless");
  CHECK(replicas.find("spec::replicas") == nullptr);
  CHECK(text_at(replicas, "spec::volumeClaimTemplates::0::metadata::name") == "data");
  CHECK(config::to_json(*object_of(stateful, "HorizontalPodAutoscaler", "main-collector").find("spec::metrics")) == R"([{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":90}}}])");
  CHECK(manifests("{" + configuration + ", mode: sidecar}").objects.empty());
  // The old form: the configuration as a text.
  auto text = manifests("config: 'receivers: {otlp: {protocols: {grpc: null}}}'");
  CHECK(text_at(object_of(text, "ConfigMap", "main-collector"), "data::collector.yaml").find("otlp") != std::string::npos);
}

TEST_CASE("operator: fields of v1alpha1 become those of v1beta1") {
  Value old = collector("{mode: deployment, minReplicas: 2, maxReplicas: 5, updateStrategy: {type: OnDelete}, config: \"receivers: {otlp: {protocols: {grpc: null}}}\\nservice: {pipelines: {traces: {receivers: [otlp]}}}\\n\"}");
  apply_collector_defaults(old);
  const Value& spec = *old.get("spec");
  CHECK(text_at(spec, "config::service::pipelines::traces::receivers::0") == "otlp");
  CHECK(text_at(spec, "autoscaler::minReplicas") == "2");
  CHECK(text_at(spec, "autoscaler::maxReplicas") == "5");
  CHECK(text_at(spec, "daemonSetUpdateStrategy::type") == "OnDelete");
  for (auto key : {"minReplicas", "maxReplicas", "updateStrategy"}) CHECK(spec.get(key) == nullptr);
  // What is set under both names keeps that of today; a configuration that is none is left for the check to name.
  Value both = collector("{maxReplicas: 5, autoscaler: {maxReplicas: 7}, config: '{'}");
  apply_collector_defaults(both);
  CHECK(text_at(both, "spec::autoscaler::maxReplicas") == "7");
  CHECK(text_at(both, "spec::config") == "{");
  CHECK_FALSE(check_collector(both, nullptr).errors.empty());
}

TEST_CASE("operator: what collectors cannot be") {
  CHECK(errors("{" + configuration + "}") == "");
  CHECK(errors("{" + configuration + ", mode: job}").find("'job'") != std::string::npos);
  CHECK(errors("{" + configuration + ", mode: deployment, volumeClaimTemplates: [{}]}").find("volumeClaimTemplates") != std::string::npos);
  CHECK(errors("{" + configuration + ", mode: sidecar, tolerations: [{}]}").find("tolerations") != std::string::npos);
  CHECK(errors("{" + configuration + ", mode: daemonset, autoscaler: {maxReplicas: 2}}").find("autoscaler") != std::string::npos);
  CHECK(errors("{" + configuration + ", mode: deployment, targetAllocator: {enabled: true}}").find("does not support the target allocation deployment") != std::string::npos);
  struct { std::string_view spec, error; } const rows[] = {
      {"mode: statefulset, daemonSetUpdateStrategy: {type: OnDelete}", "does not support the attribute 'updateStrategy'"},
      {"mode: daemonset, deploymentUpdateStrategy: {type: Recreate}", "does not support the attribute 'deploymentUpdateStrategy'"},
      {"mode: sidecar, ingress: {type: ingress}", "Ingress can only be used in combination with the modes"},
      {"ingress: {type: ingress, ruleType: subdomain}", "a valid Ingress hostname has to be defined"},
      {"replicas: 5, autoscaler: {maxReplicas: 4}", "replicas must not be greater than maxReplicas"},
      {"autoscaler: {minReplicas: 5, maxReplicas: 4}", "minReplicas must not be greater than maxReplicas"},
      {"autoscaler: {minReplicas: 5}", "spec.maxReplica must be set"},
      {"autoscaler: {maxReplicas: 0}", "should be one or more"},
      {"autoscaler: {maxReplicas: 4, behavior: {scaleUp: {stabilizationWindowSeconds: 4000}}}", "scaleUp.stabilizationWindowSeconds"},
      {"autoscaler: {maxReplicas: 4, metrics: [{type: Resource}]}", "metric type unsupported"},
      {"ports: [{name: A, port: 1}]", "port name 'A' num '1'"},
      {"ports: [{name: a, port: 70000}]", "num '70000'"},
  };
  for (auto& row : rows) {
    CAPTURE(row.spec);
    CHECK(errors(fmt::format("{{{}, {}}}", configuration, row.spec)).find(row.error) != std::string::npos);
  }
  CHECK(errors("{" + configuration + ", mode: statefulset, targetAllocator: {enabled: true, allocationStrategy: per-node}}").find("per-node") != std::string::npos);
  CHECK(errors("{mode: deployment}").find("spec.config is missing") != std::string::npos);
  CHECK(errors("{config: '['}") != "");
  Value before = collector("{" + configuration + ", mode: daemonset}");
  CHECK(errors("{" + configuration + "}", &before).find("cannot be changed from daemonset to deployment") != std::string::npos);
  CHECK(errors("{" + configuration + ", mode: statefulset, targetAllocator: {enabled: true}}").find("a receiver that is named prometheus") != std::string::npos);
  auto verdict = check_collector(collector("{" + configuration + ", ingress: {type: route}, observability: {metrics: {enableMetrics: true}}}"), nullptr);
  CHECK(verdict.errors.empty());
  REQUIRE(verdict.warnings.size() == 2);
  CHECK(verdict.warnings[0] == "not supported: ingress of type route");
}

TEST_CASE("operator: ingresses and network policies") {
  auto by_path = manifests("{" + configuration + ", ingress: {type: ingress, hostname: otel.test, ingressClassName: c, annotations: {a: b}, tls: [{hosts: [otel.test]}]}, networkPolicy: {enabled: true}}");
  auto& ingress = object_of(by_path, "Ingress", "main-ingress");
  CHECK(path_of(ingress) == "/apis/networking.k8s.io/v1/namespaces/otel/ingresses/main-ingress");
  CHECK(text_at(ingress, "metadata::annotations::a") == "b");
  CHECK(text_at(ingress, "spec::tls::0::hosts::0") == "otel.test");
  CHECK(text_at(ingress, "spec::ingressClassName") == "c");
  CHECK(config::to_json(*ingress.find("spec::rules::0::http::paths::0")) == R"({"path":"/otlp-grpc","pathType":"Prefix","backend":{"service":{"name":"main-collector","port":{"name":"otlp-grpc"}}}})");
  CHECK(ingress.find("spec::rules")->size() == 1);
  auto& policy = object_of(by_path, "NetworkPolicy", "main-collector-networkpolicy");
  CHECK(config::to_json(*policy.find("spec::ingress::0::ports")) ==
        R"([{"protocol":"TCP","port":4317},{"protocol":"TCP","port":4318},{"protocol":"TCP","port":9411},{"protocol":"TCP","port":8888}])");
  auto by_name = manifests("{" + configuration + ", ingress: {type: ingress, ruleType: subdomain, hostname: otel.test}}");
  auto& rules = *object_of(by_name, "Ingress", "main-ingress").find("spec::rules");
  CHECK(rules.size() == 3);
  CHECK(text_at(rules.items()[2], "host") == "zipkin.otel.test");
  for (auto& object : manifests("{" + configuration + "}").objects) CHECK(path_of(object).find("networking") == std::string::npos);
}

TEST_CASE("operator: a target allocator has the jobs of its collector") {
  const std::string scraping = "config: {receivers: {prometheus: {config: {global: {scrape_interval: 20s}, scrape_configs: [{job_name: a, static_configs: [{targets: ['x:1']}], relabel_configs: [{target_label: b, replacement: $$1}]}]}}}, "
                               "exporters: {nop: null}, service: {pipelines: {metrics: {receivers: [prometheus], exporters: [nop]}}}}";
  auto made = manifests("{" + scraping + ", mode: statefulset, targetAllocator: {enabled: true, allocationStrategy: least-weighted, serviceAccount: ta, resources: {limits: {cpu: 1}}, "
                        "scrapeConfigs: [{job_name: more}], prometheusCR: {enabled: true, serviceMonitorSelector: {}, podMonitorSelector: {matchLabels: {a: b}}}}}");
  CHECK(made.unsupported.empty());
  auto config = config::parse_yaml(text_at(object_of(made, "ConfigMap", "main-collector"), "data::collector.yaml"));
  REQUIRE(config);
  CHECK(config::to_json(*config->find("receivers::prometheus")) ==
        R"({"config":{"global":{"scrape_interval":"20s"}},"target_allocator":{"endpoint":"http://main-targetallocator:80","interval":"30s","collector_id":"${env:POD_NAME}"}})");
  auto file = config::parse_yaml(text_at(object_of(made, "ConfigMap", "main-targetallocator"), "data::targetallocator.yaml"));
  REQUIRE(file);
  CHECK(text_at(*file, "collector_selector::matchLabels::app.kubernetes.io/component") == "opentelemetry-collector");
  CHECK(text_at(*file, "allocation_strategy") == "least-weighted");
  CHECK(text_at(*file, "config::scrape_configs::0::job_name") == "more");
  CHECK(text_at(*file, "config::scrape_configs::1::relabel_configs::0::replacement") == "$1");
  CHECK(text_at(*file, "config::global::scrape_interval") == "20s");
  CHECK(text_at(*file, "prometheus_cr::pod_monitor_selector::matchLabels::a") == "b");
  CHECK(file->find("prometheus_cr::service_monitor_selector") != nullptr);
  auto& workload = object_of(made, "Deployment", "main-targetallocator");
  CHECK(text_at(workload, "spec::template::spec::serviceAccountName") == "ta");
  CHECK(text_at(workload, "spec::template::spec::containers::0::args::0") == "allocator");
  CHECK(text_at(workload, "spec::selector::matchLabels::app.kubernetes.io/component") == "opentelemetry-targetallocator");
  CHECK(text_at(object_of(made, "Service", "main-targetallocator"), "spec::ports::0::port") == "80");
  // The operator's own image is no weir.
  auto other = manifests("{" + scraping + ", mode: statefulset, targetAllocator: {enabled: true, image: 'ghcr.io/open-telemetry/opentelemetry-operator/target-allocator:1'}}");
  CHECK(object_of(other, "Deployment", "main-targetallocator").find("spec::template::spec::containers::0::args") == nullptr);
  CHECK(object_of(other, "ServiceAccount", "main-targetallocator").get("metadata") != nullptr);
  REQUIRE(other.unsupported.size() == 1);
  CHECK(other.unsupported[0].starts_with("targetAllocator.serviceAccount"));
}

TEST_CASE("operator: sidecars of pods") {
  Value object = collector("{" + configuration + ", mode: sidecar, configmaps: [{name: m, mountpath: p}], volumes: [{name: v}]}");
  auto pod = config::parse_yaml("{metadata: {annotations: {sidecar.opentelemetry.io/inject: 'true'}}, spec: {containers: [{name: app}], initContainers: [{name: init}]}}");
  REQUIRE(pod);
  CHECK(wanted_sidecar(*pod, Value::map()) == "true");
  REQUIRE(add_sidecar(*pod, object, {}));
  CHECK(text_at(*pod, "spec::initContainers::0::name") == "otc-container");
  CHECK(text_at(*pod, "spec::initContainers::0::restartPolicy") == "Always");
  CHECK(inject::env_text(*pod->find("spec::initContainers::0"), "OTEL_CONFIG").find("4317") != std::string::npos);
  CHECK(text_at(*pod, "metadata::labels::sidecar.opentelemetry.io/injected") == "otel.main");
  CHECK(config::to_json(*pod->find("spec::volumes")) == R"([{"name":"configmap-m","configMap":{"name":"m"}},{"name":"v"}])");
  CHECK_FALSE(add_sidecar(*pod, object, {}));
  struct { std::string_view pod, space, wanted; } const rows[] = {{"true", "", "true"}, {"true", "other", "other"}, {"false", "true", ""}, {"", "true", "true"}, {"mine", "true", "mine"}, {"", "", ""}, {"true", "false", "true"}};
  for (auto& row : rows) {
    auto with = [](std::string_view value) {
      Value out = Value::map(), meta = Value::map();
      if (!value.empty()) meta.set("annotations", inject::map_of({{"sidecar.opentelemetry.io/inject", value}}));
      out.set("metadata", std::move(meta));
      return out;
    };
    CHECK(wanted_sidecar(with(row.pod), with(row.space)) == row.wanted);
  }
}

TEST_CASE("operator: collectors are applied, again only when something changed, and told in their status") {
  io::Simulation simulation(1, 1);
  auto made = std::make_unique<kube::testing::FakeApi>(simulation.core(0));
  auto& api = *made;
  kube::testing::FakeApi writes(simulation.core(0));
  writes.answer_to_send = [](const std::string& method, const std::string&, const std::string&) { return net::HttpResponse{.status = method == "GET" ? 404 : 200, .headers = {}, .body = "{}"}; };
  telemetry::Registry metrics;
  Budget budget;
  auto cluster = std::make_shared<kube::Cluster>();
  auto home = std::make_shared<kube::Home>(cluster, kube::Home::Parts{std::move(made), simulation.core(0), budget, metrics, 1});
  home->run();
  Collectors collectors(cluster, simulation.core(0), writes, metrics, {});
  const kube::Resource resource{"/apis/opentelemetry.io/v1beta1", "opentelemetrycollectors"};
  auto spec = config::parse_yaml("{" + configuration + ", observability: {metrics: {enableMetrics: true}}, mode: statefulset}");
  REQUIRE(spec);
  api.put(resource, "otel", "main", "u", "", R"(,"spec":)" + config::to_json(*spec));
  simulation.advance(1s);
  auto count = [&](std::string_view part) { return std::count_if(writes.sent.begin(), writes.sent.end(), [&](auto& sent) { return sent.method == "PATCH" && sent.target.find(part) != std::string::npos; }); };
  CHECK(count("statefulsets/main-collector?fieldManager=weir-operator&force=true") == 1);
  CHECK(count("/status") == 1);
  CHECK(writes.sent.back().body.find("enableMetrics") != std::string::npos);
  api.put(resource, "otel", "main", "u", R"(,"generation":2)", R"(,"spec":)" + config::to_json(*spec));
  simulation.advance(1s);
  CHECK(count("statefulsets/") == 1);
  simulation.advance(5min);
  CHECK(count("statefulsets/") == 2);
  api.remove(resource, "otel", "main");
  simulation.advance(10min);
  CHECK(count("statefulsets/") <= 4);
  CHECK(collectors.all().empty());
}

TEST_CASE("operator: pods that asked for instrumentation and do not have it") {
  auto list = config::parse_yaml("{items: [{metadata: {namespace: a, name: plain}}, {metadata: {namespace: a, name: no, annotations: {instrumentation.opentelemetry.io/inject-java: 'false'}}},"
                                 "{metadata: {namespace: a, name: old, annotations: {instrumentation.opentelemetry.io/inject-python: mine, instrumentation.opentelemetry.io/inject-java: 'true'}}, spec: {containers: [{name: app}]}},"
                                 "{metadata: {namespace: a, name: done, annotations: {instrumentation.opentelemetry.io/inject-python: mine}}, spec: {containers: [{name: app}], initContainers: [{name: opentelemetry-auto-instrumentation-python}]}}]}");
  REQUIRE(list);
  Fleet fleet;
  add_pods(*list, fleet);
  CHECK(fleet.asking == 2);
  CHECK(fleet.instrumented == 1);
  REQUIRE(fleet.missing.size() == 1);
  CHECK(fleet.missing[0] == "a/old: asks for java, python");
}

TEST_CASE("operator: workloads are restarted when their Instrumentation changes") {
  io::Simulation simulation(1, 1);
  auto made = std::make_unique<kube::testing::FakeApi>(simulation.core(0));
  auto& api = *made;
  kube::testing::FakeApi writes(simulation.core(0));
  telemetry::Registry metrics;
  Budget budget;
  auto cluster = std::make_shared<kube::Cluster>();
  auto home = std::make_shared<kube::Home>(cluster, kube::Home::Parts{std::move(made), simulation.core(0), budget, metrics, 1});
  home->run();
  const kube::Resource resource{"/apis/opentelemetry.io/v1alpha1", "instrumentations"};
  auto put = [&](std::string_view endpoint) { api.put(resource, "shop", "mine", "i", "", fmt::format(R"(,"spec":{{"exporter":{{"endpoint":"{}"}}}})", endpoint)); };
  auto pod = [&](const std::string& name_space, const std::string& name, std::string_view annotation, std::string_view owner) {
    api.put(kube::resource_of(kube::Kind::pod), name_space, name, name,
            fmt::format(R"(,"annotations":{{"instrumentation.opentelemetry.io/inject-java":"{}"}},"ownerReferences":[{}])", annotation, owner));
  };
  put("a");
  api.put(kube::resource_of(kube::Kind::name_space), "", "shop", "n1");
  api.put(kube::resource_of(kube::Kind::name_space), "", "far", "n2", R"(,"annotations":{"instrumentation.opentelemetry.io/inject-java":"shop/mine"})");
  api.put(kube::resource_of(kube::Kind::replica_set), "shop", "web-1", "rs", R"(,"ownerReferences":[{"kind":"Deployment","name":"web","controller":true}])");
  pod("shop", "web-1-a", "true", R"({"kind":"ReplicaSet","name":"web-1","controller":true})");
  pod("shop", "web-1-b", "mine", R"({"kind":"ReplicaSet","name":"web-1","controller":true})");
  pod("shop", "other", "theirs", R"({"kind":"StatefulSet","name":"other","controller":true})");
  pod("far", "db-0", "true", R"({"kind":"StatefulSet","name":"db","controller":true})");
  pod("shop", "alone", "true", "");
  Restarts restarts(cluster, simulation.core(0), writes, metrics);
  simulation.advance(2s);
  CHECK(writes.sent.empty());
  put("b");
  simulation.advance(2s);
  std::vector<std::string> paths;
  for (auto& sent : writes.sent) paths.push_back(sent.target);
  CHECK(paths == std::vector<std::string>{"/apis/apps/v1/namespaces/far/statefulsets/db", "/apis/apps/v1/namespaces/shop/deployments/web"});
  CHECK(writes.sent.at(0).body.find("weir/instrumentation-version") != std::string::npos);
  put("b");
  simulation.advance(2s);
  CHECK(writes.sent.size() == 2);
}
