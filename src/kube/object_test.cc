#include <doctest/doctest.h>

#include "kube/decode.h"
#include "kube/testing_protobuf.h"

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

std::string text_of(Pairs pairs) {
  std::string out;
  for (auto& pair : pairs) fmt::format_to(std::back_inserter(out), "{}={},", pair.key, pair.value);
  return out;
}

std::string text_of(std::span<const Port> ports) {
  std::string out;
  for (auto& p : ports) fmt::format_to(std::back_inserter(out), "[{} {} {} {} {}]", p.name, p.protocol, p.app_protocol, p.target, p.number);
  return out;
}

// All that an object says.
std::string text_of(const Object& o) {
  std::string out = fmt::format("{} {} {} {} {} {} {}", static_cast<int>(o.kind), o.name_space, o.name, o.uid, o.version, o.created, o.deleting);
  auto to = std::back_inserter(out);
  fmt::format_to(to, "\nlabels {}\nannotations {}\n", text_of(o.labels), text_of(o.annotations));
  for (auto& owner : o.owners) fmt::format_to(to, "owner {} {} {} {}\n", owner.kind, owner.name, owner.uid, owner.controller);
  fmt::format_to(to, "pod {} {} {} {} {} {} {} {}\n", o.ip, o.host_ip, o.node, o.hostname, o.phase, o.started, o.host_network, o.ready);
  for (auto ip : o.ips) fmt::format_to(to, "ip {}\n", ip);
  for (auto& c : o.containers)
    fmt::format_to(to, "container {} {} {} {} {} {} {} {} {} {} {} {} {}\n", c.name, c.image, c.id, c.image_id, c.last_id, c.runtime, c.restarts, c.init, c.ready, c.reported,
                   text_of(c.ports), text_of(c.requests), text_of(c.limits));
  fmt::format_to(to, "node {} {} {}\n", text_of(o.addresses), o.provider_id, o.kubelet_port);
  fmt::format_to(to, "service {} {} {} {} {}\n", o.cluster_ip, o.external_name, o.balancer_ip, o.type, text_of(o.ports));
  for (auto& subset : o.subsets) {
    fmt::format_to(to, "subset {}\n", text_of(subset.ports));
    for (auto& e : subset.endpoints) {
      fmt::format_to(to, "endpoint {} {} {} {} {} {}{}{}{}{}{}", e.hostname, e.node, e.target_kind, e.target_name, e.zone, e.ready, e.serving, e.terminating, e.ready_told, e.serving_told, e.terminating_told);
      for (auto address : e.addresses) fmt::format_to(to, " {}", address);
      out += '\n';
    }
  }
  fmt::format_to(to, "ingress {} {}\n", text_of(o.paths), o.ingress_class);
  for (auto host : o.tls_hosts) fmt::format_to(to, "tls {}\n", host);
  return out + std::string(o.raw);
}

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

TEST_CASE("objects: protobuf says the same as JSON") {
  const std::pair<Kind, std::string_view> objects[] = {
      {Kind::pod, pod},
      {Kind::pod, R"({"metadata":{"name":"p","deletionTimestamp":"2024-01-02T03:04:05Z","creationTimestamp":null},"spec":{"initContainers":[{"name":"i"},{"name":"j"}],
        "containers":[{"name":"b","resources":{"requests":{"memory":"1Gi","cpu":"1"},"limits":{"cpu":"2"}}},{"name":"a"}]},
        "status":{"conditions":[{"type":"PodScheduled","status":"True"},{"type":"Ready","status":"False"}],
          "containerStatuses":[{"name":"a","containerID":"plain"},{"name":"b","containerID":"docker://x"},{"name":"b","containerID":"docker://y"}],
          "initContainerStatuses":[{"name":"j","restartCount":2,"ready":true,"containerID":"cri-o://z"}]}})"},
      {Kind::node, R"({"metadata":{"name":"n1","labels":{"zone":"a"}},"spec":{"providerID":"gce://x"},"status":{"conditions":[{"type":"Ready","status":"True"}],
        "addresses":[{"type":"InternalIP","address":"10.1.1.1"},{"type":"Hostname","address":"h"}],"daemonEndpoints":{"kubeletEndpoint":{"Port":10250}}}})"},
      {Kind::service, R"({"metadata":{"name":"s"},"spec":{"type":"LoadBalancer","clusterIP":"10.2.2.2","externalName":"e","loadBalancerIP":"1.2.3.4",
        "ports":[{"name":"a","port":80,"targetPort":"http","protocol":"TCP","appProtocol":"h2c"},{"port":81,"targetPort":8081}]}})"},
      {Kind::endpoint_slice, R"({"metadata":{"name":"s","namespace":"n"},"addressType":"IPv4","ports":[{"name":"p","port":4317,"protocol":"TCP","appProtocol":"x"}],
        "endpoints":[{"addresses":["10.0.0.1","10.0.0.2"],"conditions":{"ready":true,"serving":true},"nodeName":"n1","zone":"z","hostname":"x-0","targetRef":{"kind":"Pod","name":"x-0"}},
          {"addresses":["10.0.0.3"],"conditions":{"ready":false,"terminating":true}},{"addresses":["10.0.0.4"]}]})"},
      {Kind::endpoints, R"({"metadata":{"name":"s"},"subsets":[{"addresses":[{"ip":"10.0.0.1","nodeName":"n1","hostname":"h"}],
        "notReadyAddresses":[{"ip":"10.0.0.2","targetRef":{"kind":"Pod","name":"p"}}],"ports":[{"port":80,"name":"x","protocol":"UDP"}]},{}]})"},
      {Kind::ingress, R"({"metadata":{"name":"i"},"spec":{"ingressClassName":"nginx","tls":[{"hosts":["a.test","c.test"]}],
        "rules":[{"host":"a.test","http":{"paths":[{"path":"/x"},{}]}},{"host":"b.test"}]}})"},
      {Kind::deployment, R"({"metadata":{"name":"d","namespace":"n","annotations":{"x":"","y":"z"}}})"}};
  Keep all, none, some;
  all.labels.add_all(), all.annotations.add_all();
  all.containers = all.ports = all.resources = all.status = true;
  some.labels.add("team"), some.containers = true;
  JsonDecoder json;
  ProtobufDecoder protobuf;
  for (auto& [kind, text] : objects)
    for (const Keep* keep : {&all, &none, &some}) {
      auto expected = json.object(text, kind, *keep);
      REQUIRE(expected);
      std::string body = testing::ToProtobuf::object(text, testing::ToProtobuf::name_of(kind));
      auto made = protobuf.object(body, kind, *keep);
      REQUIRE(made);
      CHECK(text_of(**made) == text_of(**expected));
      CHECK((*made)->bytes == (*expected)->bytes);
      // No part of an object is an object, and nothing breaks.
      for (std::size_t size = 0; size < body.size(); size += 1 + body.size() / 200) CHECK_NOTHROW((void)protobuf.object(std::string_view(body).substr(0, size), kind, *keep));
    }
}

TEST_CASE("objects: events and pages in protobuf") {
  ProtobufDecoder decoder;
  auto event = [&](std::string_view json) { return decoder.event(testing::ToProtobuf::event(json, "Pod").substr(4), Kind::pod, {}); };
  auto added = event(R"({"type":"DELETED","object":{"metadata":{"name":"a"}}})");
  REQUIRE(added);
  CHECK(added->type == EventType::deleted);
  CHECK(added->object->name == "a");
  auto mark = event(R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7","annotations":{"k8s.io/initial-events-end":"true"}}}})");
  REQUIRE(mark);
  CHECK(mark->initial_end);
  CHECK(mark->version == "7");
  auto error = event(R"({"type":"ERROR","object":{"code":410,"message":"gone"}})");
  REQUIRE(error);
  CHECK(error->type == EventType::error);
  CHECK(error->code == 410);
  CHECK(error->message == "gone");
  CHECK_FALSE(event(R"({"type":"X","object":{"metadata":{"name":"a"}}})"));
  CHECK_FALSE(event(R"({"type":"ADDED","object":{"metadata":{}}})"));
  auto page = decoder.page(testing::ToProtobuf::object(R"({"metadata":{"resourceVersion":"9","continue":"c"},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]})", "PodList"), Kind::pod, {});
  REQUIRE(page);
  CHECK(page->objects.size() == 2);
  CHECK(page->objects[1]->name == "b");
  CHECK(page->version == "9");
  CHECK(page->next == "c");
  CHECK_FALSE(decoder.page(testing::ToProtobuf::object(R"({"items":[{"metadata":{}}]})", "PodList"), Kind::pod, {}));
  CHECK(decoder.status(testing::ToProtobuf::object(R"({"message":"no","code":403})", "Status")) == "no");
  for (std::string_view wrong : {"", "k8s", "{}", "k8s\x01", "\x0a\xff\xff\xff\xff\x0f"}) {
    CHECK_FALSE(decoder.event(wrong, Kind::pod, {}));
    CHECK_FALSE(decoder.page(wrong, Kind::pod, {}));
  }
}

TEST_CASE("objects: protobuf with too many parts is refused") {
  // 20 MB of containers would come of 300 kB.
  std::string spec;
  for (std::size_t i = 0; i <= ProtobufDecoder::max_parts; ++i) spec += std::string("\x12\0", 2);
  auto field = [](char tag, std::string_view bytes) {
    std::string out(1, tag);
    std::size_t size = bytes.size();
    for (; size >= 0x80; size >>= 7) out += static_cast<char>(size | 0x80);
    return out + static_cast<char>(size) + std::string(bytes);
  };
  Keep keep{.containers = true};
  ProtobufDecoder decoder;
  auto body = [&](std::string_view s) { return std::string("k8s\0", 4) + field(0x12, field(0x0a, field(0x0a, "p")) + field(0x12, s)); };
  auto made = decoder.object(body(spec), Kind::pod, keep);
  REQUIRE_FALSE(made);
  CHECK(made.error().what == "an object with too many parts");
  CHECK(decoder.object(body(std::string_view(spec).substr(0, 2000)), Kind::pod, keep));
}
