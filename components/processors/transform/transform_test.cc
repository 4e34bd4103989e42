#include "components/processors/transform/transform.h"

#include <doctest/doctest.h>

#include "config/yaml.h"
#include "engine/decode.h"
#include "engine/testing.h"
#include "otlp/json.h"

namespace weir::processors::transform {
engine::Factory factory();
}

using namespace weir;
using namespace weir::engine::testing;
using engine::Signal;

namespace {

// Decodes every item, so that what comes behind changes decoded items.
template <class T>
class DecodingStage : public engine::Stage {
  void process(otlp::Batch batch, engine::Out& out) override {
    for (auto& group : batch.groups())
      for (auto& scope : group.scopes)
        for (auto& item : scope.items) item.read<T>(batch.arena());
    out.push(std::move(batch));
  }
};

const engine::Factory decoding{
    .kind = engine::Kind::processor,
    .type = "decoding",
    .signals = {Signal::traces, Signal::logs},
    .make_stage = [](const void*, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
      if (context.signal == Signal::traces) return std::make_unique<DecodingStage<otlp::Span>>();
      return std::make_unique<DecodingStage<otlp::LogRecord>>();
    }};

// What statements make of a request, as JSON. `decoded`: its items are decoded before the statements run.
std::string transformed(Signal signal, std::string_view json, const std::string& blocks, bool decoded) {
  config::Problems problems;
  auto yaml = config::parse_yaml(fmt::format("error_mode: ignore\n{}:\n{}", signal == Signal::traces ? "trace_statements" : "log_statements", blocks));
  REQUIRE(yaml);
  auto factory = processors::transform::factory();
  auto config = factory.decode(&*yaml, problems);
  REQUIRE_MESSAGE(config != nullptr, problems.to_string());
  World world(1, 1);
  world.add(factory, "transform", config);
  world.add(decoding, "decoding", std::make_shared<int>());
  std::vector<std::string> stages = {"transform"};
  if (decoded) stages.insert(stages.begin(), "decoding");
  world.pipeline("p", signal, {"source"}, stages, {"sink"});
  world.start();
  auto bytes = otlp::json_to_protobuf(signal, json);
  REQUIRE(bytes);
  auto batch = otlp::Batch::parse(signal, std::move(*bytes), {}, world.sought("source", signal));
  REQUIRE(batch);
  world.push(std::move(*batch));
  auto arrived = world.take();
  REQUIRE(arrived.size() == 1);
  std::string body;
  for (auto& piece : arrived[0].batch->encode()) body += piece.view();
  auto again = otlp::Batch::parse(signal, Bytes::take(std::move(body)));
  REQUIRE(again);
  std::string out = otlp::to_json(*again);
  world.stop();
  return out;
}

// Statements one by one in a block each, and all in one block.
void check_statements(Signal signal, std::string_view context, std::string_view json, const std::vector<std::string>& statements) {
  std::string all, apart;
  auto block = [&](std::string_view quoted) { return fmt::format("  - context: {}\n    statements:\n{}", context, quoted); };
  for (auto& statement : statements) {
    std::string quoted = fmt::format("      - '{}'\n", statement);
    all += quoted, apart += block(quoted);
    CAPTURE(statement);
    std::string changed = transformed(signal, json, block(quoted), false);
    CHECK(changed == transformed(signal, json, block(quoted), true));
  }
  CHECK(transformed(signal, json, block(all), false) == transformed(signal, json, block(all), true));
  CHECK(transformed(signal, json, apart, false) == transformed(signal, json, apart, true));
}

constexpr std::string_view spans = R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":[{"spans":[
  {"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","name":"GET","kind":2,"startTimeUnixNano":"10","endTimeUnixNano":"20",
   "attributes":[{"key":"a","value":{"stringValue":"one"}},{"key":"http.request.method","value":{"stringValue":"PUT"}},{"key":"n","value":{"intValue":"7"}},
     {"key":"m","value":{"kvlistValue":{"values":[{"key":"x","value":{"intValue":"1"}}]}}},{"key":"l","value":{"arrayValue":{"values":[{"stringValue":"p"}]}}}],
   "events":[{"name":"exception","attributes":[{"key":"exception.type","value":{"stringValue":"timeout"}}]},{"name":"other"}],"status":{"code":2,"message":"bad"}},
  {"traceId":"0102030405060708090a0b0c0d0e0f11","spanId":"0102030405060709","parentSpanId":"0102030405060708","name":"work","traceState":"a=1","attributes":[{"key":"a","value":{"stringValue":"one"}}]},
  {"traceId":"0102030405060708090a0b0c0d0e0f12","spanId":"010203040506070a","name":"bare"}]}]}]})";

constexpr std::string_view records = R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[
  {"timeUnixNano":"1","observedTimeUnixNano":"2","severityNumber":9,"severityText":"INFO","body":{"stringValue":"{\"user\":\"ann\",\"id\":7}"},"attributes":[{"key":"a","value":{"stringValue":"one"}}]},
  {"body":{"kvlistValue":{"values":[{"key":"user","value":{"stringValue":"bob"}}]}},"attributes":[{"key":"a","value":{"intValue":"1"}},{"key":"b","value":{"boolValue":true}}],"traceId":"0102030405060708090a0b0c0d0e0f10"},
  {"eventName":"started"}]}]}]})";

}  // namespace

TEST_CASE("transform: statements on a span's bytes come to the same as on the decoded span") {
  check_statements(Signal::traces, "span", spans, {
      R"(set(name, Concat([name, attributes["a"]], " ")) where attributes["a"] != nil)",
      R"(set(attributes["error.type"], "unknown") where status.code == 2 and attributes["error.type"] == nil)",
      R"(delete_key(attributes, "a"))",
      R"(set(attributes["a"], "again"))",
      R"(set(attributes["m"]["y"]["z"], 5))",
      R"(set(attributes["l"][0], name))",
      R"(set(attributes["l"]["no"], name))",
      R"(set(attributes["new"]["deep"], attributes["m"]))",
      R"(delete_matching_keys(attributes, "^[an]$"))",
      R"(keep_keys(attributes, ["a", "m"]))",
      R"(limit(attributes, 2, ["m"]))",
      R"(truncate_all(attributes, 2))",
      R"(replace_all_patterns(attributes, "key", "^[a-z]", "x."))",
      R"(replace_all_patterns(attributes, "value", "o", "0"))",
      R"(replace_pattern(name, "G", "P"))",
      R"(merge_maps(attributes, {"k": 1, "a": 2}, "upsert"))",
      R"(set(attributes, {"only": "this"}))",
      R"(append(attributes["l"], "q"))",
      R"(flatten(attributes))",
      R"(set(status.code, 1) where status.code == 2)",
      R"(set(status.message, "worse"))",
      R"(set(kind, 3))",
      R"(set(kind.string, "Producer"))",
      R"(set(trace_state["b"], "2"))",
      R"(set(trace_id.string, "ffffffffffffffffffffffffffffffff"))",
      R"(set(parent_span_id.string, "ffffffffffffffff"))",
      R"(set(start_time_unix_nano, 5))",
      R"(set(flags, 3))",
      R"(set(dropped_attributes_count, 4))",
      R"(set(name, 5))",
      R"(set(attributes["copy"], resource.attributes["service.name"]))",
      R"(set(resource.attributes["last"], name))",
      R"(set(attributes["seen"], resource.attributes["last"]))",
      R"(set(cache["k"], attributes["a"]))",
      R"(set(attributes[Concat(["a", "b"], "")], "key of two parts"))",
      R"(delete_key(attributes, Concat(["a", "b"], "")))",
      R"(set_semconv_span_name("1.37.0", "old.name"))",
      R"(set(name, Concat([name, "last"], "/")))",
      R"(set(attributes["long"], Concat([name, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"], "")))",
  });
}

TEST_CASE("transform: statements on events come to the same whether their span is bytes or decoded") {
  check_statements(Signal::traces, "spanevent", spans, {
      R"(set(span.attributes["error.type"], attributes["exception.type"]) where span.status.code == 2 and attributes["error.type"] == nil)",
      R"(set(span.attributes["n"], event_index))",
      R"(set(attributes["index"], event_index))",
      R"(set(span.attributes["after"], name))",
      R"(delete_key(attributes, "exception.type"))",
      R"(set(name, span.name))",
      R"(delete_key(span.attributes, "a"))",
  });
}

TEST_CASE("transform: statements on a log record's bytes come to the same as on the decoded record") {
  check_statements(Signal::logs, "log", records, {
      R"(merge_maps(attributes, ParseJSON(body), "upsert") where IsString(body))",
      R"(set(attributes["user"], body["user"]) where IsMap(body))",
      R"(set(body["more"], attributes["a"]) where IsMap(body))",
      R"(set(severity_text, "WARN"))",
      R"(set(severity_number, 13))",
      R"(set(time_unix_nano, 77))",
      R"(set(observed_time_unix_nano, 78))",
      R"(set(event_name, "ended") where event_name == "started")",
      R"(set(body, Concat([severity_text, "x"], " ")))",
      R"(delete_key(attributes, "a"))",
      R"(set(trace_id.string, "ffffffffffffffffffffffffffffffff"))",
      R"(set(flags, 1))",
      R"(set(attributes["a"], body))",
  });
}

TEST_CASE("transform: a span that is too long to be copied is changed all the same") {
  std::string json(spans);
  json.replace(json.find("bare"), 4, std::string(20'000, 'n'));
  check_statements(Signal::traces, "span", json, {R"(set(attributes["a"], "new"))", R"(delete_key(attributes, "a"))", R"(set(status.code, 1))"});
}

TEST_CASE("transform: copies of copies end") {
  config::Problems problems;
  auto yaml = config::parse_yaml("metric_statements: [{context: metric, statements: [copy_metric()]}]");
  REQUIRE(yaml);
  auto factory = processors::transform::factory();
  World world(1, 1);
  world.add(factory, "transform", factory.decode(&*yaml, problems));
  world.pipeline("metrics", Signal::metrics, {"source"}, {"transform"}, {"sink"});
  world.start();
  auto bytes = otlp::json_to_protobuf(Signal::metrics, R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":{"dataPoints":[{"asInt":"1"}]}}]}]}]})");
  REQUIRE(bytes);
  auto batch = otlp::Batch::parse(Signal::metrics, std::move(*bytes));
  REQUIRE(batch);
  world.push(std::move(*batch));
  world.check_conservation();
  auto arrived = world.take();
  REQUIRE(arrived.size() == 1);
  CHECK(arrived[0].batch->items() == 1011);
  world.stop();
}
