#include <doctest/doctest.h>

#include "components/receivers/kubeletstats/claims.h"
#include "config/yaml.h"
#include "io/simulation.h"
#include "kube/testing.h"
#include "otlp/json.h"

using namespace weir;
using namespace weir::receivers::kubeletstats;

namespace {

const std::string summary = R"({
 "node": {"nodeName": "n1", "startTime": "2024-01-01T00:00:00Z", "cpu": {"usageNanoCores": 1500000000, "usageCoreNanoSeconds": 7000000000}, "memory": {"availableBytes": 10, "usageBytes": 20, "workingSetBytes": 15},
  "network": {"name": "eth0", "rxBytes": 1, "txBytes": 2, "rxErrors": 0, "txErrors": 3, "interfaces": [{"name": "eth0", "rxBytes": 1}, {"name": "eth1", "rxBytes": 9}]}, "fs": {"availableBytes": 5, "capacityBytes": 8, "usedBytes": 3, "inodes": 100},
  "systemContainers": [{"name": "kubelet", "startTime": "2024-01-01T00:00:05Z", "cpu": {"usageNanoCores": 20000000, "usageCoreNanoSeconds": 9000000000}, "memory": {"usageBytes": 70, "workingSetBytes": 60, "rssBytes": 50}},
                       {"name": "runtime"}]},
 "pods": [{"podRef": {"name": "web", "namespace": "shop", "uid": "u1"}, "startTime": "2024-01-01T00:01:00Z", "cpu": {"usageNanoCores": 500000000}, "memory": {"usageBytes": 100},
  "containers": [{"name": "main", "startTime": "2024-01-01T00:01:00Z", "cpu": {"usageNanoCores": 250000000}, "memory": {"usageBytes": 64}, "rootfs": {"usedBytes": 7}, "logs": {"usedBytes": 8}},
                 {"name": "side", "memory": {"usageBytes": 32}}],
  "volume": [{"name": "data", "availableBytes": 6, "usedBytes": 4, "pvcRef": {"name": "claim", "namespace": "shop"}}]}]})";
const std::string pods = R"({"items": [{"metadata": {"uid": "u1", "namespace": "shop"}, "spec": {"containers": [{"name": "main", "resources": {"limits": {"cpu": "500m", "memory": "128"}, "requests": {"memory": "64"}}}, {"name": "side", "resources": {"requests": {"memory": "64"}}}],
  "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "claim"}}]}, "status": {"containerStatuses": [{"name": "main", "containerID": "containerd://abc"}]}}]})";

// One line for each point: name{resource}{attributes}=value.
std::vector<std::string> look(std::string_view yaml, bool with_pods = true, double cpus = 0, const Claims* claims = nullptr) {
  config::Problems problems;
  auto tree = config::parse_yaml(yaml);
  REQUIRE(tree);
  auto config = config::decode<Config>(&*tree, problems);
  REQUIRE_MESSAGE(config, problems.to_string());
  Look look{.summary = summary, .pods = with_pods ? pods : "", .claims = claims, .now = 1'704'067'320'000'000'000, .began = 1, .node_cpus = cpus, .node_memory = 0};
  auto batch = metrics_of(look, *config);
  REQUIRE_MESSAGE(batch, (batch ? "" : batch.error().what));
  std::vector<std::string> out;
  for (auto& group : batch->groups()) {
    std::string resource;
    for (auto& attribute : group.resource.read(batch->arena()).attributes) resource += fmt::format("{}={};", attribute.key, attribute.value.text);
    for (auto& item : group.scopes.at(0).items) {
      auto& metric = *static_cast<const otlp::Metric*>(item.message);
      for (auto& point : metric.points) {
        std::string attributes;
        for (auto& attribute : point.attributes) attributes += fmt::format("{}={};", attribute.key, attribute.value.text);
        out.push_back(fmt::format("{}{{{}}}{{{}}}={}", metric.name, resource, attributes, point.type == otlp::NumberType::real ? fmt::format("{}", point.real) : fmt::format("{}", point.integer)));
      }
    }
  }
  batch->settle({});
  return out;
}

bool has(const std::vector<std::string>& lines, std::string_view line) { return std::find(lines.begin(), lines.end(), line) != lines.end(); }

}  // namespace

TEST_CASE("kubeletstats: node, pods and containers") {
  auto lines = look("{auth_type: none}", false);
  for (std::string_view line : {"k8s.node.cpu.usage{k8s.node.name=n1;}{}=1.5", "k8s.node.cpu.time{k8s.node.name=n1;}{}=7", "k8s.node.memory.working_set{k8s.node.name=n1;}{}=15",
                                "k8s.node.filesystem.usage{k8s.node.name=n1;}{}=3", "k8s.node.network.io{k8s.node.name=n1;}{interface=eth0;direction=transmit;}=2",
                                "k8s.node.network.errors{k8s.node.name=n1;}{interface=eth0;direction=transmit;}=3",
                                "k8s.pod.cpu.usage{k8s.pod.uid=u1;k8s.pod.name=web;k8s.namespace.name=shop;}{}=0.5",
                                "container.memory.usage{k8s.pod.uid=u1;k8s.pod.name=web;k8s.namespace.name=shop;k8s.container.name=side;}{}=32"})
    CHECK_MESSAGE(has(lines, line), line);
  for (auto& line : lines) {
    CHECK(line.find("volume") == std::string::npos);
    CHECK(line.find("uptime") == std::string::npos);
  }
}

TEST_CASE("kubeletstats: what is off by default, and groups") {
  auto lines = look("{auth_type: none, metric_groups: [node, volume], collect_all_network_interfaces: {node: true}, metrics: {k8s.node.uptime: {enabled: true}, k8s.node.cpu.time: {enabled: false}, k8s.node.filesystem.inode.count: {enabled: true}}}");
  CHECK(has(lines, "k8s.node.uptime{k8s.node.name=n1;}{}=120"));
  CHECK(has(lines, "k8s.node.filesystem.inode.count{k8s.node.name=n1;}{}=100"));
  CHECK(has(lines, "k8s.node.network.io{k8s.node.name=n1;}{interface=eth1;direction=receive;}=9"));
  CHECK(has(lines, "k8s.volume.available{k8s.pod.uid=u1;k8s.pod.name=web;k8s.namespace.name=shop;k8s.volume.name=data;}{}=6"));
  for (auto& line : lines) CHECK((line.starts_with("k8s.node.") || line.starts_with("k8s.volume.")));
  for (auto& line : lines) CHECK(!line.starts_with("k8s.node.cpu.time"));
}

TEST_CASE("kubeletstats: the list of pods gives ids, types of volumes, and shares of limits") {
  auto lines = look("{auth_type: none, metric_groups: [container, pod, volume], extra_metadata_labels: [container.id, k8s.volume.type], metrics: {k8s.container.cpu_limit_utilization: {enabled: true}, k8s.container.memory_limit_utilization: {enabled: true}, "
                    "k8s.pod.memory_request_utilization: {enabled: true}, k8s.pod.memory_limit_utilization: {enabled: true}, k8s.container.ephemeral_storage.usage: {enabled: true}, k8s.pod.cpu.node.utilization: {enabled: true}}, node: n1, k8s_api_config: {auth_type: none}}",
                    true, 4);
  std::string main = "{k8s.pod.uid=u1;k8s.pod.name=web;k8s.namespace.name=shop;k8s.container.name=main;container.id=abc;}", pod = "{k8s.pod.uid=u1;k8s.pod.name=web;k8s.namespace.name=shop;}";
  CHECK(has(lines, "k8s.container.cpu_limit_utilization" + main + "{}=0.5"));
  CHECK(has(lines, "k8s.container.memory_limit_utilization" + main + "{}=0.5"));
  CHECK(has(lines, "k8s.container.ephemeral_storage.usage" + main + "{fs.type=logs;}=8"));
  CHECK(has(lines, "k8s.pod.memory_request_utilization" + pod + "{}=0.78125"));
  CHECK(has(lines, "k8s.pod.cpu.node.utilization" + pod + "{}=0.125"));
  CHECK(has(lines, "k8s.volume.available{k8s.pod.uid=u1;k8s.pod.name=web;k8s.namespace.name=shop;k8s.volume.name=data;k8s.volume.type=persistentVolumeClaim;k8s.persistentvolumeclaim.name=claim;}{}=6"));
  for (auto& line : lines) {
    CHECK(!line.starts_with("k8s.pod.memory_limit_utilization"));  // one container has no limit
    CHECK(line.find("side") == std::string::npos);                 // its id is not known
  }
}

TEST_CASE("kubeletstats: system containers are told if they are asked for") {
  std::string on = "{enabled: true}";
  auto lines = look(fmt::format("{{auth_type: none, metric_groups: [node], metrics: {{k8s.node.system_container.cpu.time: {0}, k8s.node.system_container.cpu.usage: {0}, "
                                "k8s.node.system_container.memory.usage: {0}, k8s.node.system_container.memory.working_set: {0}}}}}", on), false);
  std::string kubelet = "{k8s.node.name=n1;k8s.node.system_container.name=kubelet;}{}";
  CHECK(has(lines, "k8s.node.system_container.cpu.time" + kubelet + "=9"));
  CHECK(has(lines, "k8s.node.system_container.cpu.usage" + kubelet + "=0.02"));
  CHECK(has(lines, "k8s.node.system_container.memory.usage" + kubelet + "=70"));
  CHECK(has(lines, "k8s.node.system_container.memory.working_set" + kubelet + "=60"));
  for (auto& line : look("{auth_type: none}", false)) CHECK(line.find("system_container") == std::string::npos);
}

TEST_CASE("kubeletstats: the volume behind a claim gives its type; until it is known nothing is told of it") {
  std::string_view yaml = "{auth_type: none, metric_groups: [volume], extra_metadata_labels: [k8s.volume.type]}";
  Claims claims;
  CHECK(look(yaml, true, 0, &claims).empty());
  claims["shop/claim"] = "local";
  CHECK(has(look(yaml, true, 0, &claims),
            "k8s.volume.available{k8s.pod.uid=u1;k8s.pod.name=web;k8s.namespace.name=shop;k8s.volume.name=data;k8s.volume.type=local;k8s.persistentvolumeclaim.name=claim;}{}=6"));
  claims["shop/claim"] = "";
  CHECK(look(yaml, true, 0, &claims).at(0).find("k8s.volume.type=persistentVolumeClaim") != std::string::npos);
  CHECK(claims_in(pods) == std::vector<std::string>{"shop/claim"});
}

TEST_CASE("kubeletstats: claims are looked up once, and again if that failed") {
  io::Simulation simulation(1, 1);
  auto made = std::make_unique<kube::testing::FakeApi>(simulation.core(0));
  auto& api = *made;
  std::map<std::string, std::string> objects = {{"/api/v1/namespaces/a/persistentvolumeclaims/one", R"({"spec":{"volumeName":"v1"}})"},
                                                {"/api/v1/namespaces/a/persistentvolumeclaims/new", R"({"spec":{}})"},
                                                {"/api/v1/persistentvolumes/v1", R"({"spec":{"gcePersistentDisk":{"pdName":"x"}}})"},
                                                {"/api/v1/persistentvolumes/v2", R"({"spec":{"csi":{}}})"}};
  api.answer_to_send = [&](auto&, const std::string& target, auto&) {
    auto at = objects.find(target);
    return at == objects.end() ? net::HttpResponse{.status = 404, .headers = {}, .body = {}} : net::HttpResponse{.status = 200, .headers = {}, .body = at->second};
  };
  ClaimFinder finder(std::move(made));
  int done = 0;
  auto find = [&] {
    finder.find({"a/one", "a/new", "b/gone"}, [&] { ++done; });
    simulation.advance(1s);
  };
  find();
  CHECK(done == 1);
  CHECK(finder.known() == Claims{{"a/one", "gcePersistentDisk"}});
  CHECK(finder.take_failure() != "");
  std::size_t asked = api.sent.size();
  objects["/api/v1/namespaces/a/persistentvolumeclaims/new"] = R"({"spec":{"volumeName":"v2"}})";
  find();
  CHECK(finder.known() == Claims{{"a/new", ""}, {"a/one", "gcePersistentDisk"}});
  CHECK(api.sent.size() - asked == 3);  // not the one that is known
  finder.find({}, [] {});
  CHECK(finder.known().empty());
}

TEST_CASE("kubeletstats: answers that are none, settings that cannot work") {
  Config config;
  for (std::string text : {"", "[]", "{", "7"}) CHECK(!metrics_of({.summary = text, .pods = ""}, config));
  auto empty = metrics_of({.summary = "{}", .pods = ""}, config);
  REQUIRE(empty);
  CHECK(empty->empty());
  empty->settle({});
  for (std::string_view yaml : {"{}", "{auth_type: none, metrics: {k8s.nonsense: {enabled: true}}}", "{auth_type: none, metric_groups: [cluster]}", "{auth_type: none, metrics: {k8s.pod.cpu.node.utilization: {enabled: true}}}"}) {
    config::Problems problems;
    auto tree = config::parse_yaml(yaml);
    CHECK_MESSAGE(!config::decode<Config>(&*tree, problems), yaml);
  }
}
