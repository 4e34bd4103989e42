#include "components/exporters/loadbalancing/routing.h"

#include <doctest/doctest.h>

#include "components/exporters/loadbalancing/identity.h"
#include "otlp/json.h"

using namespace weir;
using namespace weir::exporters::loadbalancing;
using otlp::Batch;
using otlp::Signal;

namespace {

Batch parse(Signal signal, std::string_view json) {
  auto bytes = otlp::json_to_protobuf(signal, json);
  REQUIRE_MESSAGE(bytes, bytes.error().what);
  auto batch = Batch::parse(signal, std::move(*bytes));
  REQUIRE(batch);
  return std::move(*batch);
}

HashRing ring_of(int endpoints) {
  std::vector<std::string> out;
  for (int i = 0; i < endpoints; ++i) out.push_back(fmt::format("backend-{}:4317", i));
  return HashRing(out, RingVersion::v0_158);
}

Config config_of(RoutingKey key, std::vector<std::string> attributes = {}) {
  Config config;
  config.routing_key = key;
  config.routing_attributes = std::move(attributes);
  return config;
}

std::vector<Batch> split(const Config& config, Signal signal, Batch batch, const HashRing& ring) {
  Rng rng(1);
  auto key = routing_key_for(config, signal);
  REQUIRE(key);
  std::size_t items = batch.items(), out = 0;
  auto parts = Router(config, *key, signal).split(std::move(batch), ring, rng);
  REQUIRE(parts.size() == ring.endpoints().size());
  for (auto& part : parts) out += part.items();
  CHECK(out == items);
  return parts;
}

// Names of the items in each part, read back from what would go over the wire.
std::vector<std::string> names(std::vector<Batch>& parts) {
  std::vector<std::string> out;
  for (auto& part : parts) {
    std::string bytes;
    for (auto& piece : part.encode()) bytes += piece.view();
    auto again = Batch::parse(part.signal(), Bytes::take(std::move(bytes)));
    REQUIRE(again);
    std::string all;
    for (auto& group : again->groups())
      for (auto& scope : group.scopes)
        for (auto& item : scope.items) {
          all += all.empty() ? "" : " ";
          if (part.signal() == Signal::traces) all += item.read<otlp::Span>(again->arena()).name;
          if (part.signal() == Signal::logs) all += otlp::to_text(item.read<otlp::LogRecord>(again->arena()).body);
          if (part.signal() == Signal::metrics) {
            auto& metric = item.read<otlp::Metric>(again->arena());
            all += metric.name;
            for (auto& point : metric.points) all += fmt::format(":{}", point.integer);
          }
        }
    out.push_back(all);
    part.settle({});
  }
  return out;
}

std::string span(int trace, std::string_view name, std::string_view more = "") {
  return fmt::format(R"({{"traceId":"{:032x}","spanId":"0000000000000001","name":"{}"{}}})", trace, name, more);
}
std::string resource(std::string_view service) {
  return fmt::format(R"("resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"{}"}}}}]}})", service);
}

// Puts each word where the ring says that its key belongs.
std::vector<std::string> expected(const HashRing& ring, const std::vector<std::pair<std::string, std::string>>& key_and_word) {
  std::vector<std::string> out(ring.endpoints().size());
  for (auto& [key, word] : key_and_word) {
    auto& to = out[ring.owner(key)];
    to += (to.empty() ? "" : " ") + word;
  }
  return out;
}

std::string trace_key(int trace) {
  std::string out(16, '\0');
  out[15] = static_cast<char>(trace);
  return out;
}

}  // namespace

TEST_CASE("spans go by the bytes of their trace id") {
  HashRing ring = ring_of(3);
  std::string spans;
  std::vector<std::pair<std::string, std::string>> rows;
  for (int i = 1; i <= 20; ++i) {
    spans += (spans.empty() ? "" : ",") + span(i, fmt::format("s{}", i));
    rows.emplace_back(trace_key(i), fmt::format("s{}", i));
  }
  auto parts = split(config_of(RoutingKey::standard), Signal::traces, parse(Signal::traces, fmt::format(R"({{"resourceSpans":[{{{},"scopeSpans":[{{"spans":[{}]}}]}}]}})", resource("a"), spans)), ring);
  CHECK(names(parts) == expected(ring, rows));
}

TEST_CASE("spans by service have name and value as their key; on older rings only the value") {
  std::string json = fmt::format(R"({{"resourceSpans":[{{{},"scopeSpans":[{{"spans":[{}]}}]}},{{{},"scopeSpans":[{{"spans":[{}]}}]}},{{"scopeSpans":[{{"spans":[{}]}}]}}]}})",
                                 resource("shop"), span(1, "a"), resource("checkout"), span(1, "b"), span(1, "c"));
  HashRing ring = ring_of(5);
  auto parts = split(config_of(RoutingKey::service), Signal::traces, parse(Signal::traces, json), ring);
  CHECK(names(parts) == expected(ring, {{"service.name=shop|", "a"}, {"service.name=checkout|", "b"}, {"service.name=|", "c"}}));

  Config old = config_of(RoutingKey::service);
  old.ring = RingVersion::v0_89;
  HashRing old_ring(ring.endpoints(), RingVersion::v0_89);
  parts = split(old, Signal::traces, parse(Signal::traces, json), old_ring);
  CHECK(names(parts) == expected(old_ring, {{"shop", "a"}, {"checkout", "b"}, {"", "c"}}));
}

TEST_CASE("spans by attributes: resource, scope, pseudo attributes, then the first span of a trace decides for its scope") {
  HashRing ring = ring_of(7);
  std::string json = fmt::format(
      R"({{"resourceSpans":[{{{},"scopeSpans":[{{"scope":{{"attributes":[{{"key":"lib","value":{{"intValue":"7"}}}}]}},"spans":[{},{},{}]}}]}}]}})", resource("shop"),
      span(1, "a", R"(,"kind":2,"attributes":[{"key":"tenant","value":{"stringValue":"t1"}}])"),
      span(1, "b", R"(,"kind":3,"attributes":[{"key":"tenant","value":{"stringValue":"t2"}}])"), span(2, "c", R"(,"kind":3)"));
  auto parts = split(config_of(RoutingKey::attributes, {"tenant", "service.name", "lib", "span.kind", "span.name"}), Signal::traces, parse(Signal::traces, json), ring);
  CHECK(names(parts) == expected(ring, {{"tenant=t1|service.name=shop|lib=7|span.kind=Server|span.name=a|", "a"},
                                        {"tenant=t1|service.name=shop|lib=7|span.kind=Server|span.name=a|", "b"},
                                        {"tenant=|service.name=shop|lib=7|span.kind=Client|span.name=c|", "c"}}));
}

TEST_CASE("logs go by service, by the text of the trace id, or by attributes") {
  HashRing ring = ring_of(6);
  std::string json = fmt::format(
      R"({{"resourceLogs":[{{{},"scopeLogs":[{{"logRecords":[{{"traceId":"{:032x}","body":{{"stringValue":"one"}},"severityText":"INFO"}},{{"traceId":"{:032x}","body":{{"stringValue":"two"}},"attributes":[{{"key":"k","value":{{"boolValue":true}}}}]}}]}}]}}]}})",
      resource("shop"), 1, 0xabc);
  auto parts = split(config_of(RoutingKey::standard), Signal::logs, parse(Signal::logs, json), ring);
  CHECK(names(parts) == expected(ring, {{"shop", "one"}, {"shop", "two"}}));
  parts = split(config_of(RoutingKey::trace_id), Signal::logs, parse(Signal::logs, json), ring);
  CHECK(names(parts) == expected(ring, {{fmt::format("{:032x}", 1), "one"}, {fmt::format("{:032x}", 0xabc), "two"}}));
  parts = split(config_of(RoutingKey::attributes, {"k", "service.name", "log.severity", "log.body"}), Signal::logs, parse(Signal::logs, json), ring);
  CHECK(names(parts) == expected(ring, {{"service.name=shop|k=|log.severity=INFO|log.body=one|", "one"},
                                        {"service.name=shop|k=true|log.severity=|log.body=two|", "two"}}));
}

TEST_CASE("metrics go by service, name, resource, or stream; a metric is cut where its points part") {
  HashRing ring = ring_of(4);
  std::string points, json;
  for (int i = 0; i < 6; ++i)
    points += fmt::format(R"({}{{"asInt":"{}","attributes":[{{"key":"route","value":{{"stringValue":"/{}"}}}}]}})", i ? "," : "", i, i);
  json = fmt::format(R"({{"resourceMetrics":[{{{},"scopeMetrics":[{{"metrics":[{{"name":"m","unit":"1","sum":{{"isMonotonic":true,"aggregationTemporality":2,"dataPoints":[{}]}}}}]}}]}}]}})", resource("shop"), points);
  auto parts = split(config_of(RoutingKey::standard), Signal::metrics, parse(Signal::metrics, json), ring);
  CHECK(names(parts) == expected(ring, {{"shop", "m:0:1:2:3:4:5"}}));
  parts = split(config_of(RoutingKey::metric), Signal::metrics, parse(Signal::metrics, json), ring);
  CHECK(names(parts) == expected(ring, {{"m", "m:0:1:2:3:4:5"}}));

  parts = split(config_of(RoutingKey::attributes, {"route"}), Signal::metrics, parse(Signal::metrics, json), ring);
  std::vector<std::string> wanted(4);
  for (int i = 0; i < 6; ++i) {
    auto& to = wanted[ring.owner(fmt::format("route=/{}|", i))];
    to += fmt::format("{}:{}", to.empty() ? "m" : "", i);
  }
  CHECK(names(parts) == wanted);
  CHECK(std::count(wanted.begin(), wanted.end(), "") < 3);  // it was cut

  parts = split(config_of(RoutingKey::stream_id), Signal::metrics, parse(Signal::metrics, json), ring);
  std::size_t used = 0;
  for (auto& name : names(parts)) used += !name.empty();
  CHECK(used > 1);
}

TEST_CASE("data points without service.name are counted and go where the empty key goes") {
  HashRing ring = ring_of(3);
  Config config = config_of(RoutingKey::service);
  Router router(config, RoutingKey::service, Signal::metrics);
  Rng rng(1);
  auto parts = router.split(parse(Signal::metrics, R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":{"dataPoints":[{"asInt":"1"}]}}]}]}]})"), ring, rng);
  CHECK(names(parts) == expected(ring, {{"", "m:1"}}));
  CHECK(router.take_nameless() == 1);
  CHECK(router.take_nameless() == 0);
}

TEST_CASE("identities are those of the Go exporter") {
  Arena arena;
  otlp::Resource resource;
  auto* map = arena.make<otlp::Attributes>();
  map->set(arena, "z", otlp::Value::of(std::string_view("1")));
  map->set(arena, "a", otlp::Value{});
  auto* list = arena.make<otlp::Array>();
  list->push_back(arena, otlp::Value::of(std::string_view("x")));
  list->push_back(arena, otlp::Value::of(std::int64_t{2}));
  list->push_back(arena, otlp::Value::of(false));
  auto& at = resource.attributes;
  at.set(arena, "service.name", otlp::Value::of(std::string_view("checkout")));
  at.set(arena, "n", otlp::Value::of(std::int64_t{3}));
  at.set(arena, "d", otlp::Value::of(1.5));
  at.set(arena, "b", otlp::Value::of(true));
  at.set(arena, "bytes", otlp::Value::of_bytes("\x01\x02"));
  at.set(arena, "m", otlp::Value::of(map));
  at.set(arena, "l", otlp::Value::of(list));
  CHECK(resource_identity(resource, arena) == "resource/6261d2d46bc84b67");
  otlp::Resource empty;
  otlp::Scope no_scope;
  CHECK(resource_identity(empty, arena) == "resource/88201fb960ff6465");

  otlp::Scope scope{.name = "lib", .version = "1.2"};
  scope.attributes.set(arena, "k", otlp::Value::of(std::string_view("v")));
  otlp::Metric sum{.name = "requests", .unit = "1", .type = otlp::MetricType::sum, .temporality = otlp::Temporality::delta, .is_monotonic = true};
  otlp::Attributes route, none;
  route.set(arena, "route", otlp::Value::of(std::string_view("/a")));
  CHECK(StreamIdentity(resource, scope, sum, arena).of(route, arena) == "stream/fb8ff099da2f632a");
  otlp::Metric gauge{.name = "depth", .type = otlp::MetricType::gauge};
  CHECK(StreamIdentity(empty, no_scope, gauge, arena).of(none, arena) == "stream/4ac3c36b1eb851b9");
  otlp::Metric histogram{.name = "time", .type = otlp::MetricType::histogram, .temporality = otlp::Temporality::cumulative};
  CHECK(StreamIdentity(empty, no_scope, histogram, arena).of(none, arena) == "stream/341d369be612db6a");
}

TEST_CASE("the identity of a resource with many attributes, some of them twice: the first counts") {
  Arena arena;
  otlp::Resource twice, once;
  for (int i = 0; i < 20'000; ++i) twice.attributes.push_back(arena, {arena.copy(fmt::format("k{}", i)), otlp::Value::of(std::int64_t{i})});
  once = twice;
  std::string before = resource_identity(once, arena);
  twice.attributes.push_back(arena, {"k7", otlp::Value::of(std::int64_t{-1})});
  std::string later = resource_identity(twice, arena);
  CHECK(later != before);  // a key more, as the Go exporter hashes it
  twice.attributes.back().value = otlp::Value::of(std::int64_t{-2});
  CHECK(resource_identity(twice, arena) == later);
}
