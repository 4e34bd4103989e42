#include "components/processors/k8sattributes/k8sattributes.h"

#include <doctest/doctest.h>

#include "base/gates.h"
#include "config/yaml.h"
#include "engine/testing.h"
#include "kube/testing.h"
#include "otlp/json.h"

namespace weir::processors::k8sattributes {
engine::Factory factory();
}

using namespace weir;
using namespace weir::engine::testing;
using engine::Signal;

namespace {

using kube::Kind;

// The attributes of a resource, given and found.
using Pairs = std::map<std::string, std::string>;

const std::string standard_pod_spec =
    R"(,"spec":{"nodeName":"n1","containers":[{"name":"main","image":"reg.test:5000/shop/web:1.2"}]},"status":{"podIP":"10.0.0.1","phase":"Running","startTime":"2024-01-01T00:00:00Z",)"
    R"("containerStatuses":[{"name":"main","containerID":"containerd://c1","imageID":"reg.test:5000/shop/web@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef","restartCount":2,)"
    R"("lastState":{"terminated":{"containerID":"containerd://c0"}}}]})";
const std::string standard_pod_meta =
    R"(,"creationTimestamp":"2023-12-31T23:59:59Z","labels":{"team":"x","app":"web","pod-template-hash":"5d4f"},"annotations":{"resource.opentelemetry.io/service.name":"by-note"},)"
    R"("ownerReferences":[{"kind":"ReplicaSet","name":"web-5d4f","uid":"rs1","controller":true}])";

std::string pod_at(std::string_view ip, std::string_view started, std::string_view phase = "Running") {
  return fmt::format(R"(,"spec":{{"nodeName":"n1"}},"status":{{"podIP":"{}","phase":"{}","startTime":"{}"}})", ip, phase, started);
}

struct Bench {
  engine::Factory factory = processors::k8sattributes::factory();
  World world;
  kube::testing::FakeApi* api = nullptr;
  std::shared_ptr<kube::Cluster> cluster;
  std::shared_ptr<kube::Home> home;
  bool stopped = false;

  explicit Bench(std::string_view yaml, std::size_t cores = 1) : world(cores, 3) {
    kubernetes::ApiConfig access;
    auto made = std::make_unique<kube::testing::FakeApi>(world.simulation().core(0));
    api = made.get();
    cluster = engine::shared_state<kube::Cluster>(world.host(), kubernetes::cluster_key(access));
    home = std::static_pointer_cast<kube::Home>(world.host().shared(kubernetes::home_key(access), [&] {
      return std::make_shared<kube::Home>(cluster, kube::Home::Parts{std::move(made), world.simulation().core(0), world.host().budget(), world.host().metrics(), 1});
    }));
    home->run();
    config::Problems problems;
    auto value = config::parse_yaml(yaml);
    REQUIRE(value);
    auto config = factory.decode(&*value, problems);
    REQUIRE_MESSAGE(config != nullptr, problems.to_string());
    world.add(factory, "k8sattributes", config);
    world.pipeline("traces", Signal::traces, {"source"}, {"k8sattributes"}, {"sink"});
  }
  ~Bench() { stop(); }
  void stop() {
    if (std::exchange(stopped, true)) return;
    home.reset();
    world.stop();
  }

  void put_pod(const std::string& name, const std::string& uid, const std::string& meta, const std::string& rest) {
    api->put(kube::resource_of(Kind::pod), "shop", name, uid, meta, rest);
  }
  void start() {
    world.start();
    world.advance(2s);
  }

  static otlp::Batch batch(const Pairs& attributes, std::string peer = "") {
    std::string list;
    for (auto& [key, value] : attributes) {
      bool number = !value.empty() && key == "k8s.container.restart_count";
      list += fmt::format(R"({}{{"key":"{}","value":{{"{}":"{}"}}}})", list.empty() ? "" : ",", key, number ? "intValue" : "stringValue", value);
    }
    auto bytes = otlp::json_to_protobuf(Signal::traces, fmt::format(R"({{"resourceSpans":[{{"resource":{{"attributes":[{}]}},"scopeSpans":[{{"spans":[{{"name":"a","traceId":"00000000000000000000000000000001","spanId":"0000000000000001"}}]}}]}}]}})", list));
    REQUIRE(bytes);
    auto out = otlp::Batch::parse(Signal::traces, std::move(*bytes));
    REQUIRE(out);
    auto context = std::make_shared<otlp::Context>();
    context->peer = std::move(peer);
    out->context = std::move(context);
    return std::move(*out);
  }

  // What the resource has after it.
  Pairs ask(const Pairs& attributes, std::string peer = "", std::size_t core = 0) {
    world.push(batch(attributes, std::move(peer)), core);
    return answer();
  }
  Pairs answer() {
    Pairs out;
    for (auto& arrived : world.take())
      for (auto& group : arrived.batch->groups())
        for (auto& kv : group.resource.read(arrived.batch->arena()).attributes) out[std::string(kv.key)] = otlp::to_text(kv.value);
    return out;
  }
};

constexpr std::string_view talk = R"(
connection_ip: true
extract:
  labels:
  - {from: pod, key: team, tag_name: team}
  - {from: pod, key: app, tag_name: app}
  - {from: node, key: node.kubernetes.io/instance-type, tag_name: node.type}
  - {from: node, key: topology.kubernetes.io/zone, tag_name: zone}
  metadata: [k8s.namespace.name, k8s.deployment.name, k8s.statefulset.name, k8s.daemonset.name, k8s.cronjob.name, k8s.job.name, k8s.node.name,
    k8s.pod.name, k8s.pod.uid, k8s.container.name, container.id, container.image.name, container.image.tag]
passthrough: false
pod_association:
- sources: [{from: resource_attribute, name: k8s.pod.ip}]
- sources: [{from: resource_attribute, name: k8s.pod.uid}]
- sources: [{from: connection}]
)";

}  // namespace

TEST_CASE("k8sattributes: pod, node and container of a connection") {
  Bench bench(talk);
  bench.put_pod("web-5d4f-1", "u1", standard_pod_meta, standard_pod_spec);
  bench.api->put(kube::resource_of(Kind::node), "", "n1", "node-uid", R"(,"labels":{"topology.kubernetes.io/zone":"z1","other":"o"})");
  bench.start();
  Pairs expected = {{"k8s.pod.ip", "10.0.0.1"}, {"k8s.namespace.name", "shop"}, {"k8s.deployment.name", "web"}, {"k8s.node.name", "n1"}, {"k8s.pod.name", "web-5d4f-1"},
                    {"k8s.pod.uid", "u1"}, {"k8s.container.name", "main"}, {"container.id", "c1"}, {"container.image.name", "reg.test:5000/shop/web"}, {"container.image.tag", "1.2"},
                    {"team", "x"}, {"app", "web"}, {"zone", "z1"}, {"k8s.node.uid", "node-uid"}};
  CHECK(bench.ask({}, "10.0.0.1") == expected);
  CHECK(bench.ask({}, "::ffff:10.0.0.1") == expected);
  CHECK(bench.ask({{"k8s.pod.ip", "10.0.0.1"}}, "10.9.9.9") == expected);
  expected.erase("k8s.pod.ip");
  Pairs by_uid = expected;
  CHECK(bench.ask({{"k8s.pod.uid", "u1"}}) == by_uid);
  CHECK(bench.ask({{"k8s.pod.uid", "u1"}, {"team", "mine"}, {"app", ""}}).at("team") == "mine");
  CHECK(bench.ask({{"k8s.pod.uid", "u1"}, {"app", ""}}).at("app") == "web");
}

TEST_CASE("k8sattributes: the first association whose sources have values is the only one") {
  Bench bench(talk);
  bench.put_pod("web-5d4f-1", "u1", standard_pod_meta, standard_pod_spec);
  bench.start();
  CHECK(bench.ask({{"k8s.pod.ip", "10.0.0.99"}, {"k8s.pod.uid", "u1"}}, "10.0.0.1") == Pairs{{"k8s.pod.ip", "10.0.0.99"}, {"k8s.pod.uid", "u1"}});
  CHECK(bench.ask({}) == Pairs{});
}

TEST_CASE("k8sattributes: several sources together name a pod") {
  Bench bench(R"(
extract: {metadata: [k8s.pod.uid]}
pod_association:
- sources: [{from: resource_attribute, name: k8s.pod.name}, {from: resource_attribute, name: k8s.namespace.name}]
- sources: [{from: resource_attribute, name: container.id}]
- sources: [{from: resource_attribute, name: host.name}]
)");
  bench.put_pod("web-5d4f-1", "u1", standard_pod_meta, standard_pod_spec);
  bench.start();
  auto uid = [&](const Pairs& attributes) {
    auto all = bench.ask(attributes);
    return all.contains("k8s.pod.uid") ? all.at("k8s.pod.uid") : "";
  };
  CHECK(uid({{"k8s.pod.name", "web-5d4f-1"}, {"k8s.namespace.name", "shop"}}) == "u1");
  CHECK(uid({{"k8s.pod.name", "web-5d4f-1"}, {"k8s.namespace.name", "other"}}) == "");
  CHECK(uid({{"k8s.pod.name", "web-5d4f-1"}}) == "");
  CHECK(uid({{"container.id", "c1"}}) == "");  // containers are only known when something of them is wanted
  CHECK(uid({{"host.name", "10.0.0.1"}}) == "u1");
  CHECK(uid({{"host.name", "web"}}) == "");
}

TEST_CASE("k8sattributes: without rules addresses are looked at in their order") {
  Bench bench("{}");
  bench.put_pod("web-5d4f-1", "u1", standard_pod_meta, standard_pod_spec);
  bench.start();
  CHECK(bench.ask({{"ip", "10.0.0.1"}}).at("k8s.pod.uid") == "u1");
  CHECK(bench.ask({{"host.name", "10.0.0.1"}}).at("k8s.pod.start_time") == "2023-12-31T23:59:59Z");
  CHECK(bench.ask({{"host.name", "10.0.0.1"}}, "10.0.0.2") == Pairs{{"host.name", "10.0.0.1"}});
}

TEST_CASE("k8sattributes: the address of a connection is added when k8s.pod.ip is wanted") {
  struct { std::string_view yaml; std::string found, missed; } const rows[] = {
      {"extract: {metadata: [k8s.pod.uid]}", "", ""},
      {"{connection_ip: true, extract: {metadata: [k8s.pod.uid]}}", "10.0.0.1", "10.0.0.2"},
      {"extract: {metadata: [k8s.pod.ip]}", "10.0.0.1", "10.0.0.2"},
  };
  for (auto& row : rows) {
    CAPTURE(row.yaml);
    Bench bench(row.yaml);
    bench.put_pod("web-5d4f-1", "u1", standard_pod_meta, standard_pod_spec);
    bench.start();
    CHECK(bench.ask({}, "10.0.0.1")["k8s.pod.ip"] == row.found);
    CHECK(bench.ask({}, "10.0.0.2")["k8s.pod.ip"] == row.missed);
  }
}

TEST_CASE("k8sattributes: nodes and owners are known when their attributes are wanted") {
  std::string owned = R"(,"ownerReferences":[{"kind":"StatefulSet","name":"db","uid":"s1","controller":true}])";
  auto labels = [&](std::string_view metadata, const Pairs& more) {
    Bench bench(fmt::format("extract: {{metadata: [{}], labels: [{{from: node, key: zone, tag_name: zone}}, {{from: statefulset, key: tier, tag_name: tier}}]}}", metadata));
    bench.api->put(kube::resource_of(Kind::node), "", "n1", "n", R"(,"labels":{"zone":"z1"})");
    bench.api->put(kube::resource_of(Kind::stateful_set), "shop", "db", "s1", R"(,"labels":{"tier":"back"})");
    bench.put_pod("a", "u1", owned, pod_at("10.0.0.1", ""));
    bench.start();
    Pairs given{{"k8s.pod.ip", "10.0.0.1"}};
    given.insert(more.begin(), more.end());
    auto found = bench.ask(given);
    return found["zone"] + "," + found["tier"];
  };
  CHECK(labels("k8s.pod.name", {}) == ",");
  CHECK(labels("k8s.node.name", {}) == "z1,");
  CHECK(labels("k8s.job.uid", {}) == ",back");
  CHECK(labels("k8s.pod.name", {{"k8s.node.name", "n1"}, {"k8s.statefulset.uid", "s1"}}) == "z1,back");
}

TEST_CASE("k8sattributes: attributes of owners name a pod, also when they are told behind it") {
  Bench bench(R"(
extract: {metadata: [k8s.pod.name, k8s.deployment.uid]}
pod_association: [{sources: [{from: resource_attribute, name: k8s.deployment.uid}]}, {sources: []}, {sources: [{from: resource_attribute, name: k8s.pod.uid}]}]
)");
  std::string owned = R"(,"ownerReferences":[{"kind":"ReplicaSet","name":"web-5d4f","uid":"rs1","controller":true}])";
  bench.put_pod("a", "u1", owned, pod_at("10.0.0.1", ""));
  bench.start();
  CHECK(bench.ask({{"k8s.deployment.uid", "d1"}})["k8s.pod.name"] == "");
  bench.api->put(kube::resource_of(Kind::replica_set), "shop", "web-5d4f", "rs1", R"(,"ownerReferences":[{"kind":"Deployment","name":"web","uid":"d1","controller":true}])");
  bench.world.advance(1s);
  CHECK(bench.ask({{"k8s.deployment.uid", "d1"}})["k8s.pod.name"] == "a");
  // A pod that is ignored has no attributes, and takes no name from one that has.
  bench.put_pod("jaeger-agent-1", "u2", owned, pod_at("10.0.0.2", "2024-01-01T00:00:00Z"));
  bench.world.advance(1s);
  CHECK(bench.ask({{"k8s.deployment.uid", "d1"}})["k8s.pod.name"] == "a");
  CHECK(bench.ask({{"k8s.pod.uid", "u1"}})["k8s.pod.name"] == "");  // behind an entry without sources nothing is looked at
}

TEST_CASE("k8sattributes: the run of a container is the one that the restart count names") {
  Bench bench(talk);
  bench.put_pod("web-5d4f-1", "u1", standard_pod_meta, standard_pod_spec);
  bench.start();
  struct { Pairs given; std::string id; } const rows[] = {
      {{{"k8s.container.name", "main"}}, "c1"},
      {{{"k8s.container.name", "main"}, {"k8s.container.restart_count", "2"}}, "c1"},
      {{{"k8s.container.name", "main"}, {"k8s.container.restart_count", "1"}}, "c0"},
      {{{"k8s.container.name", "main"}, {"k8s.container.restart_count", "0"}}, ""},
      {{{"k8s.container.name", "other"}}, ""},
  };
  for (auto& row : rows) {
    Pairs given = row.given;
    given["k8s.pod.uid"] = "u1";
    auto found = bench.ask(given);
    CHECK((found.contains("container.id") ? found.at("container.id") : "") == row.id);
  }
}

TEST_CASE("k8sattributes: a changed object changes what is remembered") {
  Bench bench(talk, 2);
  bench.put_pod("web-5d4f-1", "u1", standard_pod_meta, standard_pod_spec);
  bench.start();
  for (std::size_t core : {0u, 1u}) CHECK(bench.ask({{"k8s.pod.uid", "u1"}}, "", core).at("team") == "x");
  bench.put_pod("web-5d4f-1", "u1", R"(,"labels":{"team":"y"})", standard_pod_spec);
  bench.put_pod("other", "u2", "", standard_pod_spec);
  bench.world.advance(1s);
  for (std::size_t core : {0u, 1u}) {
    auto found = bench.ask({{"k8s.pod.uid", "u1"}}, "", core);
    CHECK(found.at("team") == "y");
    CHECK_FALSE(found.contains("app"));
  }
}

TEST_CASE("k8sattributes: a pod that is gone is found for a while; its address belongs to whoever runs") {
  Bench bench("extract: {metadata: [k8s.pod.name]}\npod_association: [{sources: [{from: connection}]}, {sources: [{from: resource_attribute, name: k8s.pod.uid}]}]");
  bench.put_pod("old", "u1", "", pod_at("10.0.0.1", "2024-01-01T00:00:00Z"));
  bench.start();
  auto at = [&](const Pairs& given, std::string peer) {
    auto all = bench.ask(given, std::move(peer));
    return all.contains("k8s.pod.name") ? all.at("k8s.pod.name") : "";
  };
  bench.api->remove(kube::resource_of(Kind::pod), "shop", "old");
  bench.world.advance(1s);
  CHECK(at({}, "10.0.0.1") == "old");
  bench.put_pod("new", "u2", "", pod_at("10.0.0.1", "2024-01-01T00:01:00Z"));
  bench.world.advance(1s);
  CHECK(at({}, "10.0.0.1") == "new");
  CHECK(at({{"k8s.pod.uid", "u1"}}, "") == "old");
  bench.world.advance(3min);
  CHECK(at({}, "10.0.0.1") == "new");
  CHECK(at({{"k8s.pod.uid", "u1"}}, "") == "");
  // A job that is done keeps its address in its status; another pod may run there, even one that was made earlier.
  bench.put_pod("job", "u3", "", pod_at("10.0.0.3", "2024-01-01T00:05:00Z"));
  bench.put_pod("job", "u3", "", pod_at("10.0.0.3", "2024-01-01T00:05:00Z", "Succeeded"));
  bench.put_pod("early", "u4", "", pod_at("10.0.0.3", "2024-01-01T00:04:00Z"));
  bench.world.advance(1s);
  CHECK(at({}, "10.0.0.3") == "early");
  bench.put_pod("job", "u3", R"(,"labels":{"a":"late"})", pod_at("10.0.0.3", "2024-01-01T00:05:00Z", "Succeeded"));
  bench.world.advance(1s);
  CHECK(at({}, "10.0.0.3") == "early");
}

// Pods come and go, addresses are used again, watches end, lose, double and swap events, versions are forgotten, the server throttles.
TEST_CASE("k8sattributes: an hour of churn and faults, and never the attributes of another pod") {
  Bench bench("extract: {metadata: [k8s.pod.name]}\npod_association: [{sources: [{from: resource_attribute, name: k8s.pod.ip}]}, {sources: [{from: resource_attribute, name: k8s.pod.uid}]}]");
  Rng rng(7);
  std::vector<std::vector<std::string>> owners(40);  // of each address, the newest last
  int number = 0;
  auto put = [&](std::size_t address) {
    std::string name = fmt::format("pod-{}", number);
    bench.put_pod(name, "uid-" + name, "", pod_at(fmt::format("10.0.0.{}", address), fmt::format("2024-01-01T{:02}:{:02}:{:02}Z", number / 3600, number / 60 % 60, number % 60)));
    owners[address].push_back(name);
    ++number;
  };
  auto name_of = [&](const std::string& key, const std::string& value) { return bench.ask({{key, value}})["k8s.pod.name"]; };
  for (std::size_t address = 0; address < owners.size(); ++address) put(address);
  bench.start();
  auto& api = *bench.api;
  for (int step = 1; step <= 360; ++step) {
    api.doubles = 0.05, api.swaps = 0.05, api.garbage = 0.01;
    for (int i = 0; i < 5; ++i) {
      std::size_t address = rng.below(owners.size());
      api.remove(kube::resource_of(Kind::pod), "shop", owners[address].back());
      put(address);
    }
    if (rng.chance(0.1)) api.cut(rng.chance(0.5));
    if (rng.chance(0.05)) api.compact();
    if (rng.chance(0.05)) api.answers = {{429, 1}, {503, 0}, {410, 0}};
    bench.world.advance(10s);
    bool quiet = step % 30 == 0;
    if (quiet) {
      api.doubles = api.swaps = api.garbage = 0;
      api.cut(true);  // an event that was held back is read now
      bench.world.advance(2min);
    }
    for (std::size_t address = 0; address < owners.size(); ++address) {
      std::string by_uid = name_of("k8s.pod.uid", "uid-" + owners[address].back()), by_address = name_of("k8s.pod.ip", fmt::format("10.0.0.{}", address));
      CAPTURE(step);
      CHECK((by_uid == owners[address].back() || (by_uid.empty() && !quiet)));
      bool had = std::find(owners[address].begin(), owners[address].end(), by_address) != owners[address].end();
      CHECK((by_address == owners[address].back() || (!quiet && (had || by_address.empty()))));
    }
  }
}

TEST_CASE("k8sattributes: pods in the network of their node, ignored and excluded ones are not found by address") {
  Bench bench("extract: {metadata: [k8s.pod.name]}\nexclude: {pods: [{name: ^otel-}]}");
  bench.put_pod("host", "u1", "", R"(,"spec":{"hostNetwork":true},"status":{"podIP":"10.1.0.1"})");
  bench.put_pod("otel-1", "u2", "", pod_at("10.0.0.2", ""));
  bench.put_pod("noted", "u3", R"(,"annotations":{"opentelemetry.io/k8s-processor/ignore":" True "})", pod_at("10.0.0.3", ""));
  bench.put_pod("jaeger-agent-1", "u4", "", pod_at("10.0.0.4", ""));
  bench.start();
  for (std::string peer : {"10.1.0.1", "10.0.0.2", "10.0.0.3"}) CHECK_FALSE(bench.ask({}, peer).contains("k8s.pod.name"));
  CHECK(bench.ask({}, "10.0.0.4").contains("k8s.pod.name"));
}

TEST_CASE("k8sattributes: owners give names, from their objects where those are watched") {
  Bench bench(R"(
extract:
  metadata: [k8s.deployment.name, k8s.deployment.uid, k8s.replicaset.name, k8s.cronjob.name, k8s.cronjob.uid, k8s.job.name, k8s.cluster.uid, k8s.statefulset.name]
  labels:
  - {from: deployment, key: tier}
  - {from: namespace, key: env, tag_name: env}
  annotations:
  - {from: statefulset, key_regex: note/(.*), tag_name: n.$1}
pod_association: [{sources: [{from: resource_attribute, name: k8s.pod.uid}]}]
)");
  auto owned = [](std::string_view kind, std::string_view name, std::string_view uid) {
    return fmt::format(R"(,"creationTimestamp":"2024-01-01T00:00:00Z","ownerReferences":[{{"kind":"{}","name":"{}","uid":"{}","controller":true}}])", kind, name, uid);
  };
  bench.api->put(kube::resource_of(Kind::replica_set), "shop", "rs", "rs1", owned("Deployment", "real", "d1"));
  bench.api->put(kube::resource_of(Kind::deployment), "shop", "real", "d1", R"(,"labels":{"tier":"front"})");
  bench.api->put(kube::resource_of(Kind::job), "shop", "nightly-28401120", "j1", owned("CronJob", "nightly", "cj1"));
  bench.api->put(kube::resource_of(Kind::stateful_set), "shop", "db", "s1", R"(,"annotations":{"note/a":"b"})");
  bench.api->put(kube::resource_of(Kind::name_space), "", "kube-system", "cluster-1");
  bench.api->put(kube::resource_of(Kind::name_space), "", "shop", "ns1", R"(,"labels":{"env":"prod"})");
  bench.put_pod("a", "u1", owned("ReplicaSet", "rs", "rs1"), "");
  bench.put_pod("b", "u2", owned("Job", "nightly-28401120", "j1"), "");
  bench.put_pod("c", "u3", owned("StatefulSet", "db", "s1"), "");
  bench.start();
  CHECK(bench.ask({{"k8s.pod.uid", "u1"}}) == Pairs{{"k8s.pod.uid", "u1"}, {"k8s.deployment.name", "real"}, {"k8s.deployment.uid", "d1"}, {"k8s.replicaset.name", "rs"},
                                                      {"k8s.cluster.uid", "cluster-1"}, {"k8s.deployment.label.tier", "front"}, {"env", "prod"}});
  CHECK(bench.ask({{"k8s.pod.uid", "u2"}}) == Pairs{{"k8s.pod.uid", "u2"}, {"k8s.job.name", "nightly-28401120"}, {"k8s.cronjob.name", "nightly"}, {"k8s.cronjob.uid", "cj1"},
                                                      {"k8s.cluster.uid", "cluster-1"}, {"env", "prod"}});
  auto third = bench.ask({{"k8s.pod.uid", "u3"}});
  CHECK(third.at("n.a") == "b");
  CHECK(third.at("k8s.statefulset.name") == "db");
  CHECK(bench.ask({{"k8s.namespace.name", "shop"}}).at("env") == "prod");
}

TEST_CASE("k8sattributes: attribute names of both generations") {
  struct { std::vector<std::string> gates; Pairs names; } const rows[] = {
      {{}, {{"k8s.pod.labels.team", "x"}, {"container.image.tag", "1.2"}}},
      {{"processor.k8sattributes.EmitV1K8sConventions"}, {{"k8s.pod.labels.team", "x"}, {"k8s.pod.label.team", "x"}, {"container.image.tag", "1.2"}, {"container.image.tags", "[\"1.2\"]"}}},
      {{"processor.k8sattributes.EmitV1K8sConventions,processor.k8sattributes.DontEmitV0K8sConventions"}, {{"k8s.pod.label.team", "x"}, {"container.image.tags", "[\"1.2\"]"}}},
  };
  for (auto& row : rows) {
    gates::set(row.gates);
    Bench bench("extract: {labels: [{key: team}]}");
    bench.put_pod("web-5d4f-1", "u1", standard_pod_meta, standard_pod_spec);
    bench.start();
    Pairs found;
    for (auto& [key, value] : bench.ask({}, "10.0.0.1"))
      if (key.find("label") != key.npos || key.find("image.tag") != key.npos) found[key] = value;
    CHECK(found == row.names);
  }
  gates::set({});
}

TEST_CASE("k8sattributes: service attributes") {
  Bench bench("extract: {metadata: [service.name, service.namespace, service.version, service.instance.id, container.image.repo_digests], otel_annotations: false}");
  bench.put_pod("web-5d4f-1", "u1", standard_pod_meta, standard_pod_spec);
  bench.start();
  CHECK(bench.ask({}, "10.0.0.1") ==
        Pairs{{"service.name", "web"}, {"service.namespace", "shop"}, {"service.version", "1.2"}, {"service.instance.id", "shop.web-5d4f-1.main"},
              {"container.image.repo_digests", R"(["reg.test:5000/shop/web@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"])"}});
  Bench noted("extract: {metadata: [service.name], otel_annotations: true}");
  noted.put_pod("web-5d4f-1", "u1", standard_pod_meta, standard_pod_spec);
  noted.start();
  CHECK(noted.ask({}, "10.0.0.1").at("service.name") == "by-note");
}

TEST_CASE("k8sattributes: data waits for the pods when that is wanted") {
  Bench bench("wait_for_metadata: true");
  bench.put_pod("web-5d4f-1", "u1", standard_pod_meta, standard_pod_spec);
  bench.api->answers = {{503, 0}};
  bench.world.start();
  std::size_t push = bench.world.push(Bench::batch({}, "10.0.0.1"));
  CHECK(bench.answer() == Pairs{});
  bench.world.advance(5s);
  CHECK(bench.answer().at("k8s.pod.uid") == "u1");
  CHECK(bench.world.answer(push).has_value());
}

TEST_CASE("k8sattributes: a wait in vain ends the process and loses nothing") {
  Bench bench("{wait_for_metadata: true, wait_for_metadata_timeout: 1s}");
  bench.api->answers = std::vector<std::pair<int, int>>(20, {503, 0});
  bench.world.start();
  bench.world.push(Bench::batch({}, "10.0.0.1"));
  bench.world.advance(2s);
  CHECK(bench.world.host().shutdown_reason.find("failed to wait for caches to sync") != std::string::npos);
  bench.stop();
  CHECK(bench.world.take().size() == 1);
}

TEST_CASE("k8sattributes: filters become selectors; only what is needed is watched") {
  Bench bench(R"({filter: {node: n1, namespace: shop, fields: [{key: status.phase, value: Running}], labels: [{key: a, value: b}, {key: c, op: exists}, {key: d, op: does-not-exist}, {key: e, value: f, op: not-equals}]},
    extract: {labels: [{from: node, key: zone}], metadata: [k8s.cluster.uid]}})");
  bench.start();
  std::string all;
  for (auto& asked : bench.api->asked) all += asked.substr(0, asked.find("watch")) + asked.substr(std::min(asked.size(), asked.find("&fieldSelector"))) + "\n";
  CHECK(all ==
        "/api/v1/namespaces?&fieldSelector=metadata.name%3Dkube-system\n/api/v1/nodes?&fieldSelector=metadata.name%3Dn1\n"
        "/api/v1/namespaces/shop/pods?&fieldSelector=status.phase%3DRunning%2Cspec.nodeName%3Dn1&labelSelector=a%3Db%2Cc%2C%21d%2Ce%21%3Df\n");
}

TEST_CASE("k8sattributes: settings that are wrong are named") {
  struct { std::string_view yaml, message; } const rows[] = {
      {"extract: {metadata: [k8s.pod.color]}", "\"k8s.pod.color\" is not a supported metadata field"},
      {"extract: {labels: [{key: a, key_regex: b}]}", "Out of Key or KeyRegex only one option is expected"},
      {"extract: {labels: [{key_regex: '('}]}", "missing"},
      {"extract: {labels: [{key: a, from: pods}]}", "pods"},
      {"filter: {fields: [{key: a, op: exists}]}", "'exists' is not a valid label filter operation"},
      {"filter: {node_from_env_var: NO_SUCH_VARIABLE_HERE}", "envvar \"NO_SUCH_VARIABLE_HERE\" is not set"},
      {"pod_association: [{sources: [{from: connection}, {from: connection}, {from: connection}, {from: connection}, {from: connection}]}]", "4"},
      {"auth_type: tls", "auth_type tls"},
      {"auth_type: password", "password"},
      {"exclude: {pods: [{name: '['}]}", "missing"},
  };
  for (auto& row : rows) {
    CAPTURE(row.yaml);
    config::Problems problems;
    auto value = config::parse_yaml(row.yaml);
    REQUIRE(value);
    CHECK(processors::k8sattributes::factory().decode(&*value, problems) == nullptr);
    CHECK_MESSAGE(problems.to_string().find(row.message) != std::string::npos, problems.to_string());
  }
}
