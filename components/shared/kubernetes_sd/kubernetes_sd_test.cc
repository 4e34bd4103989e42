#include <doctest/doctest.h>

#include "components/shared/kubernetes_sd/watcher.h"
#include "config/yaml.h"
#include "io/simulation.h"
#include "kube/testing.h"

using namespace weir;
using namespace weir::kubernetes_sd;
using kube::Kind;
using kube::resource_of;

namespace {

std::string error_of(std::string_view yaml) {
  config::Problems problems;
  auto value = config::parse_yaml(yaml);
  REQUIRE(value);
  auto config = config::decode<Config>(&*value, problems);
  return problems.to_string();
}

struct Bench {
  io::Simulation simulation{1, 1};
  telemetry::Registry registry;
  Budget budget;
  kube::testing::FakeApi* api = nullptr;
  std::shared_ptr<kube::Cluster> cluster = std::make_shared<kube::Cluster>();
  std::shared_ptr<kube::Home> home;
  std::unique_ptr<Watcher> watcher;
  std::vector<std::vector<Group>> told;

  explicit Bench(std::string_view yaml) {
    auto made = std::make_unique<kube::testing::FakeApi>(simulation.core(0));
    api = made.get();
    home = std::make_shared<kube::Home>(cluster, kube::Home::Parts{std::move(made), simulation.core(0), budget, registry, 1});
    home->run();
    config::Problems problems;
    auto value = config::parse_yaml(yaml);
    REQUIRE(value);
    auto config = config::decode<Config>(&*value, problems);
    REQUIRE_MESSAGE(config, problems.to_string());
    watcher = std::make_unique<Watcher>(*config, kubernetes::Membership{cluster, home}, "own", simulation.core(0));
  }
  void start() {
    watcher->start([this](std::vector<Group> groups) { told.push_back(std::move(groups)); });
    simulation.advance(1s);
    REQUIRE(!told.empty());
  }
  const std::vector<Group>& now() { return told.back(); }
};

const std::string pod_meta = R"(,"labels":{"app.kubernetes.io/name":"web"},"annotations":{"prometheus.io/scrape":"true"},"ownerReferences":[{"kind":"ReplicaSet","name":"rs","controller":true}])";
const std::string pod_rest =
    R"(,"spec":{"nodeName":"n1","containers":[{"name":"main","image":"i:1","ports":[{"name":"http","containerPort":8080},{"name":"m","containerPort":9090,"protocol":"UDP"}]},{"name":"side","image":"s"}]},)"
    R"("status":{"podIP":"10.0.0.1","hostIP":"10.1.0.1","phase":"Running","conditions":[{"type":"Ready","status":"True"}],"containerStatuses":[{"name":"main","containerID":"containerd://c1"}]})";

}  // namespace

TEST_CASE("kubernetes_sd: a pod has a target for each port, and one for a container without ports") {
  Bench bench("{role: pod, attach_metadata: {node: true}}");
  bench.api->put(resource_of(Kind::pod), "shop", "web-0", "u1", pod_meta, pod_rest);
  bench.api->put(resource_of(Kind::node), "", "n1", "n", R"(,"labels":{"zone":"z"})");
  bench.start();
  REQUIRE(bench.now().size() == 1);
  auto& group = bench.now()[0];
  CHECK(group.source == "pod/shop/web-0");
  CHECK(group.labels == Labels{{"__meta_kubernetes_namespace", "shop"}, {"__meta_kubernetes_pod_name", "web-0"}, {"__meta_kubernetes_pod_ip", "10.0.0.1"},
                               {"__meta_kubernetes_pod_ready", "true"}, {"__meta_kubernetes_pod_phase", "Running"}, {"__meta_kubernetes_pod_node_name", "n1"},
                               {"__meta_kubernetes_pod_host_ip", "10.1.0.1"}, {"__meta_kubernetes_pod_uid", "u1"}, {"__meta_kubernetes_pod_label_app_kubernetes_io_name", "web"},
                               {"__meta_kubernetes_pod_labelpresent_app_kubernetes_io_name", "true"}, {"__meta_kubernetes_pod_annotation_prometheus_io_scrape", "true"},
                               {"__meta_kubernetes_pod_annotationpresent_prometheus_io_scrape", "true"}, {"__meta_kubernetes_pod_controller_kind", "ReplicaSet"},
                               {"__meta_kubernetes_pod_controller_name", "rs"}, {"__meta_kubernetes_node_name", "n1"}, {"__meta_kubernetes_node_label_zone", "z"},
                               {"__meta_kubernetes_node_labelpresent_zone", "true"}});
  REQUIRE(group.targets.size() == 3);
  CHECK(group.targets[0] == Labels{{"__address__", "10.0.0.1:8080"}, {"__meta_kubernetes_pod_container_name", "main"}, {"__meta_kubernetes_pod_container_image", "i:1"},
                                   {"__meta_kubernetes_pod_container_id", "containerd://c1"}, {"__meta_kubernetes_pod_container_init", "false"},
                                   {"__meta_kubernetes_pod_container_port_name", "http"}, {"__meta_kubernetes_pod_container_port_number", "8080"},
                                   {"__meta_kubernetes_pod_container_port_protocol", "TCP"}});
  CHECK(group.targets[1].get("__meta_kubernetes_pod_container_port_protocol") == "UDP");
  CHECK(group.targets[2].get("__address__") == "10.0.0.1");
}

TEST_CASE("kubernetes_sd: endpoint slices know their service and pods, and other ports of those") {
  for (bool slice : {true, false}) {
    Bench bench(slice ? "{role: endpointslice}" : "{role: endpoints}");
    bench.api->put(resource_of(Kind::pod), "shop", "web-0", "u1", pod_meta, pod_rest);
    bench.api->put(resource_of(Kind::service), "shop", "web", "s", R"(,"labels":{"team":"x"})", R"(,"spec":{"type":"ClusterIP"})");
    if (slice)
      bench.api->put(resource_of(Kind::endpoint_slice), "shop", "web-abc", "e", R"(,"labels":{"kubernetes.io/service-name":"web"})",
                     R"(,"addressType":"IPv4","ports":[{"name":"http","port":8080,"protocol":"TCP"}],"endpoints":[{"addresses":["10.0.0.1"],"conditions":{"ready":true},"nodeName":"n1","zone":"z","targetRef":{"kind":"Pod","name":"web-0"}}])");
    else
      bench.api->put(resource_of(Kind::endpoints), "shop", "web", "e", "",
                     R"(,"subsets":[{"addresses":[{"ip":"10.0.0.1","nodeName":"n1","targetRef":{"kind":"Pod","name":"web-0"}}],"notReadyAddresses":[{"ip":"10.0.0.9"}],"ports":[{"name":"http","port":8080}]}])");
    bench.start();
    REQUIRE(bench.now().size() == 1);
    auto& group = bench.now()[0];
    CHECK(group.labels.get("__meta_kubernetes_service_name") == "web");
    CHECK(group.labels.get("__meta_kubernetes_service_label_team") == "x");
    REQUIRE(group.targets.size() == (slice ? 2 : 3));
    auto& target = group.targets[0];
    CHECK(target.get("__address__") == "10.0.0.1:8080");
    CHECK(target.get("__meta_kubernetes_pod_name") == "web-0");
    CHECK(target.get("__meta_kubernetes_pod_container_port_name") == "http");
    CHECK(group.targets.back().get("__address__") == "10.0.0.1:9090");
    if (slice) {
      CHECK(group.labels.get("__meta_kubernetes_endpointslice_name") == "web-abc");
      CHECK(target.get("__meta_kubernetes_endpointslice_endpoint_conditions_ready") == "true");
      CHECK(!target.has("__meta_kubernetes_endpointslice_endpoint_conditions_serving"));
      CHECK(target.get("__meta_kubernetes_endpointslice_endpoint_zone") == "z");
    } else {
      CHECK(group.labels.get("__meta_kubernetes_endpoints_name") == "web");
      CHECK(target.get("__meta_kubernetes_endpoint_ready") == "true");
      CHECK(group.targets[1].get("__meta_kubernetes_endpoint_ready") == "false");
    }
  }
}

TEST_CASE("kubernetes_sd: nodes, services and ingresses") {
  Bench nodes("role: node");
  nodes.api->put(resource_of(Kind::node), "", "n1", "n", "", R"(,"status":{"addresses":[{"type":"Hostname","address":"h"},{"type":"InternalIP","address":"fd00::1"}],"daemonEndpoints":{"kubeletEndpoint":{"Port":10250}}})");
  nodes.start();
  CHECK(nodes.now()[0].targets.at(0) == Labels{{"__address__", "[fd00::1]:10250"}, {"instance", "n1"}, {"__meta_kubernetes_node_address_Hostname", "h"}, {"__meta_kubernetes_node_address_InternalIP", "fd00::1"}});
  Bench services("role: service");
  services.api->put(resource_of(Kind::service), "shop", "web", "s", "", R"(,"spec":{"type":"ClusterIP","clusterIP":"10.2.0.1","ports":[{"name":"a","port":80}]})");
  services.start();
  CHECK(services.now()[0].targets.at(0) == Labels{{"__address__", "web.shop.svc:80"}, {"__meta_kubernetes_service_port_name", "a"}, {"__meta_kubernetes_service_port_number", "80"},
                                                  {"__meta_kubernetes_service_port_protocol", "TCP"}, {"__meta_kubernetes_service_type", "ClusterIP"}, {"__meta_kubernetes_service_cluster_ip", "10.2.0.1"}});
  Bench ingresses("role: ingress");
  ingresses.api->put(resource_of(Kind::ingress), "shop", "i", "u", "", R"(,"spec":{"ingressClassName":"nginx","tls":[{"hosts":["*.a.test"]}],"rules":[{"host":"x.a.test","http":{"paths":[{"path":"/p"}]}},{"host":"b.test"}]})");
  ingresses.start();
  CHECK(ingresses.now()[0].targets.at(0).get("__meta_kubernetes_ingress_scheme") == "https");
  CHECK(ingresses.now()[0].targets.at(1) == Labels{{"__address__", "b.test"}, {"__meta_kubernetes_ingress_scheme", "http"}, {"__meta_kubernetes_ingress_host", "b.test"}, {"__meta_kubernetes_ingress_path", "/"}});
}

TEST_CASE("kubernetes_sd: namespaces, selectors and changes") {
  Bench bench("{role: pod, namespaces: {own_namespace: true, names: [a]}, selectors: [{role: pod, label: x=y, field: status.phase=Running}]}");
  bench.api->put(resource_of(Kind::pod), "own", "one", "u1", "", pod_rest);
  bench.start();
  CHECK(bench.api->asked.size() == 2);
  CHECK(bench.api->asked[0].starts_with("/api/v1/namespaces/a/pods?"));
  CHECK(bench.api->asked[1].ends_with("&fieldSelector=status.phase%3DRunning&labelSelector=x%3Dy"));
  std::size_t before = bench.told.size();
  for (int i = 0; i < 10; ++i) bench.api->put(resource_of(Kind::pod), "own", fmt::format("p{}", i), "u", "", pod_rest);
  bench.api->remove(resource_of(Kind::pod), "own", "one");
  bench.simulation.advance(6s);
  CHECK(bench.told.size() == before + 1);
  CHECK(bench.now().size() == 10);
}

TEST_CASE("kubernetes_sd: selectors must fit the role") {
  for (std::string_view yaml : {"{role: pod, selectors: [{role: service}]}", "{role: pod, selectors: [{role: pod}, {role: pod}]}", "{role: color}", "{}"}) {
    config::Problems problems;
    auto value = config::parse_yaml(yaml);
    REQUIRE(value);
    CHECK_FALSE(config::decode<Config>(&*value, problems));
  }
}

TEST_CASE("kubernetes_sd: an API server of its own") {
  config::Problems problems;
  auto value = config::parse_yaml("role: pod\napi_server: https://k:6443/\nauthorization: {credentials_file: /token}\ntls_config: {insecure_skip_verify: true, server_name: k8s}\nproxy_url: http://p:1");
  REQUIRE(value);
  auto config = config::decode<Config>(&*value, problems);
  REQUIRE_MESSAGE(config, problems.to_string());
  auto connection = config->connection();
  REQUIRE(connection);
  CHECK(connection->url == "https://k:6443");
  CHECK(connection->token_file == "/token");
  CHECK(connection->tls.insecure_skip_verify);
  CHECK(connection->tls.server_name_override == "k8s");
  CHECK(connection->proxy_url == "http://p:1");
}

TEST_CASE("kubernetes_sd: settings of an API server that do not go together") {
  struct { std::string_view yaml, error; } const rows[] = {
      {"{role: pod, bearer_token: x}", "please provide the 'api_server' URL explicitly"},
      {"{role: pod, kubeconfig_file: /k, bearer_token: x}", "together with 'kubeconfig_file'"},
      {"{role: pod, kubeconfig_file: /k, api_server: 'https://k'}", "simultaneously"},
      {"{role: pod, api_server: nowhere}", "nowhere"},
      {"{role: pod, api_server: 'https://k', oauth2: {client_id: a, client_secret: b, token_url: 'http://x'}}", "oauth2 is not supported"},
      {"{role: pod, api_server: 'https://k', authorization: {type: Key, credentials: x}}", "has to be of type Bearer"},
      {"{role: pod, api_server: 'https://k', basic_auth: {username: a, password_file: /x}}", "files for basic_auth are not supported"},
  };
  for (auto& row : rows) {
    CAPTURE(row.yaml);
    CHECK(error_of(row.yaml).find(row.error) != std::string::npos);
  }
}
