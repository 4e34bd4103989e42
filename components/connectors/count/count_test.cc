#include "components/connectors/count/config.h"

#include <doctest/doctest.h>

#include "engine/decode.h"
#include "engine/testing.h"
#include "otlp/json.h"

namespace weir::connectors::count {
engine::Factory factory();
}

using namespace weir;
using namespace weir::engine::testing;
using connectors::count::Config;
using engine::Signal;

namespace {

const engine::Factory factory = connectors::count::factory();

Config config_of(Config::Metrics Config::*section, Config::Metrics metrics) {
  Config config;
  config.*section = std::move(metrics);
  return config;
}

struct Bench {
  Bench(Signal signal, Config config) : world(1, 1) {
    world.add(factory, "count", std::make_shared<const Config>(std::move(config)));
    world.pipeline(std::string(to_string(signal)), signal, {"source"}, {}, {"count"});
    if (signal == Signal::metrics) world.pipeline("metrics/counts", Signal::metrics, {"count"}, {}, {"sink"});
    else world.pipeline("metrics", Signal::metrics, {"count"}, {}, {"sink"});
    world.start();
  }
  std::optional<Error> push(otlp::Batch batch) {
    auto number = world.push(std::move(batch));
    world.check_conservation();
    REQUIRE(world.answer(number));
    return *world.answer(number);
  }
  // "service name{attributes}=count" of each point, sorted.
  std::vector<std::string> counts() {
    std::vector<std::string> out;
    for (auto& arrived : world.take())
      for (auto& group : arrived.batch->groups()) {
        Arena& arena = arrived.batch->arena();
        auto* service = group.resource.read(arena).attributes.find("service.name");
        for (auto& item : group.scopes.at(0).items) {
          auto& metric = item.read<otlp::Metric>(arena);
          CHECK(metric.temporality == otlp::Temporality::delta);
          CHECK(metric.is_monotonic);
          for (auto& point : metric.points) {
            first = point.start_time_unix_nano, last = point.time_unix_nano;
            std::string labels;
            for (auto& kv : point.attributes) labels += fmt::format("{}{}={}", labels.empty() ? "" : ",", kv.key, otlp::to_text(kv.value));
            out.push_back(fmt::format("{} {}{{{}}}={}", service ? otlp::to_text(*service) : "-", metric.name, labels, point.integer));
          }
        }
      }
    std::sort(out.begin(), out.end());
    return out;
  }
  World world;
  UnixNanos first = 0, last = 0;
};

using Lines = std::vector<std::string>;

otlp::Batch from_json(Signal signal, std::string_view text) {
  auto bytes = otlp::json_to_protobuf(signal, text);
  REQUIRE(bytes);
  auto batch = otlp::Batch::parse(signal, std::move(*bytes));
  REQUIRE(batch);
  return std::move(*batch);
}

}  // namespace

TEST_CASE("count: all spans, by resource, in the time they lie in") {
  Bench bench(Signal::traces, {});
  CHECK(!bench.push(make_traces({{.start = 100, .duration = 50ns}, {.span = 2, .start = 200, .duration = 10ns}, {.span = 3, .service = "till", .start = 500, .duration = 1ns}})));
  CHECK(bench.counts() == Lines{"shop trace.span.count{}=2", "till trace.span.count{}=1"});
  CHECK(bench.first == 500);
  CHECK(bench.last == 501);
}

TEST_CASE("count: conditions are joined by or; attributes of item, scope and resource, with defaults") {
  Bench bench(Signal::traces, config_of(&Config::spans, {{"slow", {.conditions = {R"(attributes["n"] == "1")", R"(span.name == "b")"}}},
                                         {"by", {.attributes = {{"n", config::Value::plain("none")}, {"service.name", {}}}}},
                                         {"lacking", {.attributes = {{"nowhere", {}}}}}}));
  CHECK(!bench.push(make_traces({{.attributes = {{"n", "1"}}}, {.span = 2, .name = "b"}, {.span = 3, .attributes = {{"n", "1"}}}, {.span = 4, .name = "c"}})));
  CHECK(bench.counts() == Lines{"shop by{n=1,service.name=shop}=2", "shop by{n=none,service.name=shop}=2", "shop slow{}=3"});
  CHECK(!bench.push(make_traces({{.name = "c"}})));
  CHECK(bench.counts() == Lines{"shop by{n=none,service.name=shop}=1"});
}

TEST_CASE("count: events of spans") {
  Bench bench(Signal::traces, config_of(&Config::spanevents, {{"exceptions", {.conditions = {R"(spanevent.name == "exception")"}, .attributes = {{"type", {}}}}}}));
  CHECK(!bench.push(from_json(Signal::traces, R"({"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","name":"s",
    "events":[{"name":"exception","timeUnixNano":"7","attributes":[{"key":"type","value":{"stringValue":"io"}}]},{"name":"exception"},{"name":"retry"}]}]}]}]})")));
  CHECK(bench.counts() == Lines{"- exceptions{type=io}=1", "- trace.span.count{}=1"});
}

TEST_CASE("count: metrics and data points, of whichever type") {
  Bench bench(Signal::metrics, config_of(&Config::datapoints, {{"points", {.attributes = {{"k", config::Value::plain("0")}}}}}));
  CHECK(!bench.push(from_json(Signal::metrics, R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[
    {"name":"a","gauge":{"dataPoints":[{"asInt":"1","attributes":[{"key":"k","value":{"intValue":"1"}}]},{"asInt":"2"}]}},
    {"name":"b","histogram":{"aggregationTemporality":2,"dataPoints":[{"count":"1"}]}}]}]}]})")));
  CHECK(bench.counts() == Lines{"- metric.count{}=2", "- points{k=0}=2", "- points{k=1}=1"});
}

TEST_CASE("count: conditions about the data points of a metric") {
  Bench bench(Signal::metrics, config_of(&Config::metrics, {{"with k", {.conditions = {R"(HasAttrKeyOnDatapoint("k"))"}}}}));
  CHECK(!bench.push(from_json(Signal::metrics, R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[
    {"name":"a","gauge":{"dataPoints":[{"asInt":"1","attributes":[{"key":"k","value":{"intValue":"1"}}]}]}},{"name":"b","gauge":{"dataPoints":[{"asInt":"1"}]}}]}]}]})")));
  CHECK(bench.counts() == Lines{"- metric.datapoint.count{}=2", "- with k{}=1"});
}

TEST_CASE("count: log records; one without a time gets the time it was counted") {
  Bench bench(Signal::logs, {});
  CHECK(!bench.push(from_json(Signal::logs, R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"a"}},{"body":{"stringValue":"b"}}]}]}]})")));
  CHECK(bench.counts() == Lines{"- log.record.count{}=2"});
  CHECK(bench.first == bench.world.simulation().clock().wall());
}

TEST_CASE("count: a condition that fails refuses the batch; counts that are refused are the sender's to know") {
  Bench bench(Signal::traces, config_of(&Config::spans, {{"n", {.conditions = {R"(ParseInt(span.name, 10) > 5)"}}}}));
  auto error = bench.push(make_traces({{.name = "7"}, {.span = 2, .name = "x"}}));
  REQUIRE(error);
  CHECK(error->what.find("ParseInt") != std::string::npos);
  CHECK(bench.counts().empty());
  bench.world.rule("sink", [](const otlp::Batch&) { return Error{Errc::retryable, "backend away", 0s}; });
  error = bench.push(make_traces({{.name = "7"}}));
  REQUIRE(error);
  CHECK(error->what == "backend away");
}
