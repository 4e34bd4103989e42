#include <doctest/doctest.h>

#include "kube/decode.h"

using namespace weir;
using namespace weir::kube;

namespace {

constexpr std::string_view pod = R"({"kind":"Pod","metadata":{"name":"web-5d4f-abc","namespace":"shop","uid":"u-1","resourceVersion":"42",
 "creationTimestamp":"2024-01-02T03:04:05Z","labels":{"team":"x","app":"web","z":"1"},"annotations":{"a/b":"c","d":"e"},
 "ownerReferences":[{"kind":"ReplicaSet","name":"web-5d4f","uid":"r-1","controller":true}]},
 "spec":{"nodeName":"n1","hostname":"h","hostNetwork":true,"containers":[{"name":"main","image":"reg:5000/web:1.2","env":[{"name":"A","value":"B"}],
   "ports":[{"name":"http","containerPort":8080,"protocol":"TCP"}]}],"initContainers":[{"name":"init","image":"busybox"}]},
 "status":{"phase":"Running","podIP":"10.0.0.1","podIPs":[{"ip":"10.0.0.1"},{"ip":"fd00::1"}],"hostIP":"192.168.0.1","startTime":"2024-01-02T03:04:06Z",
  "conditions":[{"type":"Ready","status":"True"}],
  "containerStatuses":[{"name":"main","containerID":"containerd://abc","imageID":"reg:5000/web@sha256:00","restartCount":3,"ready":true,
   "lastState":{"terminated":{"containerID":"containerd://old"}}}]}})";

}  // namespace

TEST_CASE("objects: a pod keeps what was asked for") {
  JsonDecoder decoder;
  Keep keep;
  keep.labels.add("team");
  REQUIRE(keep.annotations.add_pattern("a/.*"));
  keep.containers = keep.ports = true;
  auto made = decoder.object(pod, Kind::pod, keep);
  REQUIRE(made);
  const Object& o = **made;
  CHECK(o.name == "web-5d4f-abc");
  CHECK(o.name_space == "shop");
  CHECK(o.uid == "u-1");
  CHECK(o.version == "42");
  CHECK(o.created == "2024-01-02T03:04:05Z");
  CHECK(o.labels.size() == 1);
  CHECK(find(o.labels, "team") == "x");
  CHECK(o.annotations.size() == 1);
  CHECK(find(o.annotations, "a/b") == "c");
  REQUIRE(o.controller() != nullptr);
  CHECK(o.controller()->name == "web-5d4f");
  CHECK(o.node == "n1");
  CHECK(o.host_network);
  CHECK(o.ready == "True");
  CHECK(o.phase == "Running");
  CHECK(o.started == "2024-01-02T03:04:06Z");
  REQUIRE(o.ips.size() == 2);
  CHECK(o.ips[1] == "fd00::1");
  REQUIRE(o.containers.size() == 2);
  CHECK(o.containers[0].id == "abc");
  CHECK(o.containers[0].last_id == "old");
  CHECK(o.containers[0].restarts == 3);
  CHECK(o.containers[0].ports[0].number == 8080);
  CHECK(o.containers[1].init);
  CHECK(o.bytes < 2000);
  auto slim = decoder.object(pod, Kind::pod, {});
  REQUIRE(slim);
  CHECK((*slim)->containers.empty());
  CHECK((*slim)->labels.empty());
  CHECK((*slim)->bytes < o.bytes);
}

TEST_CASE("objects: services, endpoint slices, nodes and ingresses") {
  JsonDecoder decoder;
  Keep keep;
  keep.status = true;
  auto slice = decoder.object(R"({"metadata":{"name":"s","namespace":"n","labels":{}},"addressType":"IPv4","ports":[{"name":"p","port":4317,"protocol":"TCP"}],
    "endpoints":[{"addresses":["10.0.0.1","10.0.0.2"],"conditions":{"ready":true,"serving":true},"nodeName":"n1","hostname":"x-0","targetRef":{"kind":"Pod","name":"x-0"}},
                 {"addresses":["10.0.0.3"],"conditions":{"ready":false,"terminating":true}},{"addresses":["10.0.0.4"]}]})", Kind::endpoint_slice, keep);
  REQUIRE(slice);
  REQUIRE((*slice)->subsets.size() == 1);
  auto endpoints = (*slice)->subsets[0].endpoints;
  REQUIRE(endpoints.size() == 3);
  CHECK(endpoints[0].addresses[1] == "10.0.0.2");
  CHECK(endpoints[0].hostname == "x-0");
  CHECK(endpoints[0].target_name == "x-0");
  CHECK_FALSE(endpoints[1].ready);
  CHECK(endpoints[1].terminating);
  CHECK(endpoints[2].ready);  // nothing known counts as ready
  CHECK((*slice)->subsets[0].ports[0].number == 4317);
  CHECK(endpoints[1].ready_told);
  CHECK_FALSE(endpoints[2].ready_told);
  auto old = decoder.object(R"({"metadata":{"name":"s"},"subsets":[{"addresses":[{"ip":"10.0.0.1","nodeName":"n1"}],"notReadyAddresses":[{"ip":"10.0.0.2"}],"ports":[{"port":80}]}]})", Kind::endpoints, keep);
  REQUIRE(old);
  REQUIRE((*old)->subsets[0].endpoints.size() == 2);
  CHECK((*old)->subsets[0].endpoints[0].node == "n1");
  CHECK_FALSE((*old)->subsets[0].endpoints[1].ready);
  auto node = decoder.object(R"({"metadata":{"name":"n1"},"spec":{"providerID":"gce://x"},"status":{"addresses":[{"type":"InternalIP","address":"10.1.1.1"}]}})", Kind::node, keep);
  REQUIRE(node);
  CHECK((*node)->addresses[0].value == "10.1.1.1");
  CHECK((*node)->provider_id == "gce://x");
  auto service = decoder.object(R"({"metadata":{"name":"s"},"spec":{"type":"ClusterIP","clusterIP":"10.2.2.2","ports":[{"name":"a","port":80,"targetPort":"http"},{"port":81,"targetPort":8081}]}})", Kind::service, keep);
  REQUIRE(service);
  CHECK((*service)->ports[0].target == "http");
  CHECK((*service)->ports[1].target == "8081");
  auto ingress = decoder.object(R"({"metadata":{"name":"i"},"spec":{"ingressClassName":"nginx","tls":[{"hosts":["a.test"]}],
    "rules":[{"host":"a.test","http":{"paths":[{"path":"/x"},{}]}},{"host":"b.test"}]}})", Kind::ingress, keep);
  REQUIRE(ingress);
  CHECK((*ingress)->paths.size() == 3);
  CHECK((*ingress)->paths[1].value == "/");
  CHECK((*ingress)->tls_hosts[0] == "a.test");
}

TEST_CASE("objects: events of a watch") {
  JsonDecoder decoder;
  auto added = decoder.event(R"({"type":"ADDED","object":{"metadata":{"name":"a"}}})", Kind::other, {});
  REQUIRE(added);
  CHECK(added->type == EventType::added);
  auto mark = decoder.event(R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7","annotations":{"k8s.io/initial-events-end":"true"}}}})", Kind::other, {});
  REQUIRE(mark);
  CHECK(mark->initial_end);
  CHECK(mark->version == "7");
  auto error = decoder.event(R"({"type":"ERROR","object":{"code":410,"message":"gone"}})", Kind::other, {});
  REQUIRE(error);
  CHECK(error->code == 410);
  for (std::string_view wrong : {"", "{", "[]", "7", "{}", R"({"type":"ADDED"})", R"({"type":"ADDED","object":{}})", R"({"type":"X","object":{"metadata":{"name":"a"}}})",
                                 R"({"type":"ADDED","object":{"metadata":"name"}})", R"({"type":7,"object":[]})"})
    CHECK_FALSE(decoder.event(wrong, Kind::pod, {}));
}

TEST_CASE("objects: raw ones keep their JSON; unexpected types are as if absent") {
  JsonDecoder decoder;
  Keep keep;
  keep.raw = true;
  auto raw = decoder.object("{ \"metadata\": {\"name\": \"a\"} , \"x\": [1, 2] }", Kind::other, keep);
  REQUIRE(raw);
  CHECK((*raw)->raw == R"({"metadata":{"name":"a"},"x":[1,2]})");
  auto odd = decoder.object(R"({"metadata":{"name":"a","labels":[],"ownerReferences":{},"uid":5},"spec":[],"status":{"podIPs":"x","containerStatuses":[1,"a",null]}})", Kind::pod, keep);
  REQUIRE(odd);
  CHECK((*odd)->uid == "");
}

TEST_CASE("keys: merged keys say whether there is more") {
  Keys a, b;
  a.add("x");
  b.add("x");
  CHECK_FALSE(a.merge(b));
  REQUIRE(b.add_pattern("y.*"));
  CHECK(a.merge(b));
  CHECK_FALSE(a.merge(b));
  CHECK(a.keeps("yes"));
  CHECK_FALSE(a.keeps("oh yes"));
  CHECK(Keys(b).merge([] { Keys all; all.add_all(); return all; }()));
  CHECK_FALSE(Keys().add_pattern("("));
}

TEST_CASE("kube: parts of an object by path, and what containers ask for") {
  JsonDecoder decoder;
  Keep keep;
  keep.containers = keep.resources = true;
  keep.paths = {"spec/replicas", "status/hard", "spec/nothing"};
  auto object = decoder.object(R"({"metadata":{"name":"a"},"spec":{"replicas":3,"other":1,"containers":[{"name":"c","resources":{"requests":{"cpu":"1"},"limits":{"memory":"1Gi"}}}]},"status":{"hard":{"pods":"1"}}})", Kind::pod, keep);
  REQUIRE(object);
  CHECK((*object)->raw == R"({"spec/replicas":3,"status/hard":{"pods":"1"}})");
  REQUIRE((*object)->containers.size() == 1);
  CHECK(find((*object)->containers[0].requests, "cpu") == "1");
  CHECK(find((*object)->containers[0].limits, "memory") == "1Gi");
  Keep other;
  other.paths = {"status/used", "spec/replicas"};
  CHECK(keep.merge(other));
  CHECK_FALSE(keep.merge(other));
  CHECK(keep.paths.size() == 4);
}
