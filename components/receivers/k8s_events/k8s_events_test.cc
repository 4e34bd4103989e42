#include "components/receivers/k8s_events/k8s_events.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::receivers::k8s_events;

namespace {
constexpr std::string_view event =
    R"({"metadata":{"name":"web.1","namespace":"shop","uid":"e1","creationTimestamp":"2024-01-02T03:04:05Z"},"involvedObject":{"kind":"Pod","namespace":"shop","name":"web","uid":"p1","apiVersion":"v1"},)"
    R"("reason":"BackOff","message":"Back-off restarting","type":"Warning","count":7,"source":{"component":"kubelet","host":"n1"},"firstTimestamp":"2024-01-02T03:04:05Z","lastTimestamp":"2024-01-02T03:05:05Z"})";
}

TEST_CASE("k8s_events: what an event becomes") {
  Arena arena;
  stanza::Entry entry;
  REQUIRE(fill(event, 0, entry, arena));
  CHECK(entry.time == 1'704'164'705'000'000'000);
  CHECK(entry.severity == 13);
  CHECK(entry.severity_text == "Warning");
  CHECK(entry.body.text == "Back-off restarting");
  CHECK(otlp::to_text(otlp::Value::of(&entry.resource)) ==
        R"({"k8s.node.name":"n1","k8s.object.api_version":"v1","k8s.object.fieldpath":"","k8s.object.kind":"Pod","k8s.object.name":"web","k8s.object.resource_version":"","k8s.object.uid":"p1"})");
  CHECK(otlp::to_text(otlp::Value::of(&entry.attributes)) ==
        R"({"k8s.event.action":"","k8s.event.count":7,"k8s.event.name":"web.1","k8s.event.reason":"BackOff","k8s.event.start_time":"2024-01-02 03:04:05 +0000 UTC","k8s.event.uid":"e1","k8s.namespace.name":"shop"})");
}

TEST_CASE("k8s_events: events from before and what is none") {
  Arena arena;
  stanza::Entry entry;
  CHECK_FALSE(fill(event, 1'704'164'706'000'000'000, entry, arena));
  for (std::string_view wrong : {"", "[]", "7", "{"}) CHECK_FALSE(fill(wrong, 0, entry, arena));
  stanza::Entry exact;
  REQUIRE(fill(R"({"eventTime":"2024-01-02T03:04:05.25Z","lastTimestamp":null,"type":"Odd"})", 0, exact, arena));
  CHECK(exact.time == 1'704'164'645'250'000'000);
  CHECK(exact.severity == 0);
}
