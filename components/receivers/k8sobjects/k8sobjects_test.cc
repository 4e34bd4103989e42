#include "components/receivers/k8sobjects/config.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::receivers::k8sobjects;

TEST_CASE("k8sobjects: where the API server has them") {
  struct { Objects objects; std::string api; } const rows[] = {
      {{.name = "pods"}, "/api/v1"},
      {{.name = "events"}, "/api/v1"},
      {{.name = "events", .group = "events.k8s.io"}, "/apis/events.k8s.io/v1"},
      {{.name = "deployments"}, "/apis/apps/v1"},
      {{.name = "horizontalpodautoscalers"}, "/apis/autoscaling/v2"},
      {{.name = "things", .group = "example.com"}, "/apis/example.com/v1"},
      {{.name = "things", .group = "example.com", .version = "v1beta1"}, "/apis/example.com/v1beta1"},
  };
  for (auto& row : rows) {
    auto resource = resource_of(row.objects);
    REQUIRE(resource);
    CHECK(resource->api == row.api);
    CHECK(resource->plural == row.objects.name);
  }
  CHECK_FALSE(resource_of({.name = "things"}));
}

TEST_CASE("k8sobjects: records of objects and of changes") {
  kube::JsonDecoder decoder;
  kube::Keep keep;
  keep.raw = true;
  auto object = decoder.object(R"({"metadata":{"name":"a","namespace":"n"},"spec":{"x":1}})", kube::Kind::other, keep);
  REQUIRE(object);
  Arena arena;
  stanza::Entry pulled, watched;
  REQUIRE(fill({.name = "pods"}, {*object}, pulled, arena));
  CHECK(otlp::to_text(pulled.body) == R"({"metadata":{"name":"a","namespace":"n"},"spec":{"x":1}})");
  CHECK(otlp::to_text(otlp::Value::of(&pulled.attributes)) == R"({"k8s.resource.name":"pods"})");
  CHECK(otlp::to_text(otlp::Value::of(&pulled.resource)) == R"({"k8s.namespace.name":"n"})");
  REQUIRE(fill({.name = "pods", .mode = Mode::watch}, {*object, kubernetes::ChangeType::modified}, watched, arena));
  CHECK(otlp::to_text(watched.body) == R"({"object":{"metadata":{"name":"a","namespace":"n"},"spec":{"x":1}},"type":"MODIFIED"})");
  CHECK(otlp::to_text(otlp::Value::of(&watched.attributes)) == R"({"event.domain":"k8s","event.name":"a","k8s.resource.name":"pods"})");
}

TEST_CASE("k8sobjects: settings that are wrong") {
  CHECK_FALSE(Objects{.name = "pods", .mode = Mode::watch, .exclude_watch_type = {"GONE"}}.validate());
  CHECK_FALSE(Objects{.name = "pods", .exclude_watch_type = {"DELETED"}}.validate());
  CHECK_FALSE(Objects{.name = "things"}.validate());
  CHECK(Objects{.name = "pods"}.validate());
}
