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

TEST_CASE("operator: what collectors cannot be") {
  CHECK(errors("{" + configuration + "}") == "");
  CHECK(errors("{" + configuration + ", mode: job}").find("'job'") != std::string::npos);
  CHECK(errors("{" + configuration + ", mode: deployment, volumeClaimTemplates: [{}]}").find("volumeClaimTemplates") != std::string::npos);
  CHECK(errors("{" + configuration + ", mode: sidecar, tolerations: [{}]}").find("tolerations") != std::string::npos);
  CHECK(errors("{" + configuration + ", mode: daemonset, autoscaler: {maxReplicas: 2}}").find("autoscaler") != std::string::npos);
  CHECK(errors("{" + configuration + ", mode: deployment, targetAllocator: {enabled: true}}").find("target allocator") != std::string::npos);
  CHECK(errors("{" + configuration + ", mode: statefulset, targetAllocator: {enabled: true, allocationStrategy: per-node}}").find("per-node") != std::string::npos);
  CHECK(errors("{mode: deployment}").find("spec.config is missing") != std::string::npos);
  CHECK(errors("{config: '['}") != "");
  Value before = collector("{" + configuration + ", mode: daemonset}");
  CHECK(errors("{" + configuration + "}", &before).find("cannot be changed from daemonset to deployment") != std::string::npos);
  auto verdict = check_collector(collector("{" + configuration + ", mode: statefulset, targetAllocator: {enabled: true}}"), nullptr);
  CHECK(verdict.errors.empty());
  REQUIRE(verdict.warnings.size() == 1);
  CHECK(verdict.warnings[0].starts_with("not supported: targetAllocator"));
}

TEST_CASE("operator: sidecars of pods") {
  Value object = collector("{" + configuration + ", mode: sidecar}");
  auto pod = config::parse_yaml("{metadata: {annotations: {sidecar.opentelemetry.io/inject: 'true'}}, spec: {containers: [{name: app}], initContainers: [{name: init}]}}");
  REQUIRE(pod);
  CHECK(wanted_sidecar(*pod, Value::map()) == "true");
  REQUIRE(add_sidecar(*pod, object, {}));
  CHECK(text_at(*pod, "spec::initContainers::0::name") == "otc-container");
  CHECK(text_at(*pod, "spec::initContainers::0::restartPolicy") == "Always");
  CHECK(inject::env_text(*pod->find("spec::initContainers::0"), "OTEL_CONFIG").find("4317") != std::string::npos);
  CHECK(text_at(*pod, "metadata::labels::sidecar.opentelemetry.io/injected") == "otel.main");
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
  auto spec = config::parse_yaml("{" + configuration + ", targetAllocator: {enabled: true}, mode: statefulset}");
  REQUIRE(spec);
  api.put(resource, "otel", "main", "u", "", R"(,"spec":)" + config::to_json(*spec));
  simulation.advance(1s);
  auto count = [&](std::string_view part) { return std::count_if(writes.sent.begin(), writes.sent.end(), [&](auto& sent) { return sent.method == "PATCH" && sent.target.find(part) != std::string::npos; }); };
  CHECK(count("statefulsets/main-collector?fieldManager=weir-operator&force=true") == 1);
  CHECK(count("/status") == 1);
  CHECK(writes.sent.back().body.find("targetAllocator") != std::string::npos);
  api.put(resource, "otel", "main", "u", R"(,"labels":{"a":"b"})", R"(,"spec":)" + config::to_json(*spec));
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
