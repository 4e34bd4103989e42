#include "otlp/json.h"

#include <doctest/doctest.h>
#include <malloc.h>

using namespace weir;
using namespace weir::otlp;

namespace {

std::string again(Signal signal, std::string_view json) {
  auto bytes = json_to_protobuf(signal, json);
  if (!bytes) return "error: " + bytes.error().what;
  auto batch = Batch::parse(signal, *bytes);
  if (!batch) return "error: " + batch.error().what;
  return to_json(*batch);
}

}  // namespace

TEST_CASE("what is written is what was read") {
  struct {
    Signal signal;
    std::string_view json;
  } const rows[] = {
      {Signal::traces,
       R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}],"droppedAttributesCount":2},"scopeSpans":[{"scope":{"name":"lib","version":"1"},"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","traceState":"a=b","parentSpanId":"1112131415161718","flags":257,"name":"GET","kind":2,"startTimeUnixNano":"1700000000000000001","endTimeUnixNano":"1700000000000000002","attributes":[{"key":"i","value":{"intValue":"-5"}},{"key":"d","value":{"doubleValue":1.5}},{"key":"b","value":{"boolValue":false}},{"key":"e","value":{}},{"key":"x","value":{"bytesValue":"AQI="}},{"key":"a","value":{"arrayValue":{"values":[{"stringValue":""},{"intValue":"1"}]}}},{"key":"m","value":{"kvlistValue":{"values":[{"key":"k","value":{"boolValue":true}}]}}}],"events":[{"timeUnixNano":"3","name":"e","attributes":[{"key":"k","value":{"stringValue":"v"}}]}],"links":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","flags":1}],"status":{"message":"bad","code":2}}],"schemaUrl":"s2"}],"schemaUrl":"s1"}]})"},
      {Signal::logs,
       R"({"resourceLogs":[{"resource":{},"scopeLogs":[{"scope":{},"logRecords":[{"timeUnixNano":"1","observedTimeUnixNano":"2","severityNumber":9,"severityText":"INFO","body":{"stringValue":"héllo \"x\""},"flags":1,"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","eventName":"ev"}]}]}]})"},
      {Signal::metrics,
       R"({"resourceMetrics":[{"resource":{},"scopeMetrics":[{"scope":{},"metrics":[{"name":"g","unit":"1","gauge":{"dataPoints":[{"timeUnixNano":"5","asDouble":-0.5},{"asInt":"0"}]},"metadata":[{"key":"k","value":{"stringValue":"v"}}]},{"name":"s","sum":{"dataPoints":[{"startTimeUnixNano":"1","timeUnixNano":"5","asInt":"7","exemplars":[{"timeUnixNano":"2","asDouble":3,"spanId":"0102030405060708","traceId":"0102030405060708090a0b0c0d0e0f10"}],"flags":1}],"aggregationTemporality":2,"isMonotonic":true}},{"name":"h","histogram":{"dataPoints":[{"count":"3","sum":6,"min":1,"max":3,"bucketCounts":["1","2","0"],"explicitBounds":[1,2.5]}],"aggregationTemporality":1}},{"name":"e","exponentialHistogram":{"dataPoints":[{"count":"3","sum":6,"scale":-2,"zeroCount":"1","zeroThreshold":0.1,"positive":{"offset":-3,"bucketCounts":["1","300"]},"negative":{}}],"aggregationTemporality":2}},{"name":"q","summary":{"dataPoints":[{"count":"3","sum":6,"quantileValues":[{"quantile":0.5,"value":2}]}]}}]}]}]})"},
  };
  for (auto& row : rows) CHECK(again(row.signal, row.json) == row.json);
}

TEST_CASE("entity references survive, both ways") {
  constexpr std::string_view json =
      R"({"resourceLogs":[{"resource":{"attributes":[{"key":"host.id","value":{"stringValue":"h"}}],"entityRefs":[{"schemaUrl":"s","type":"host","idKeys":["host.id"],"descriptionKeys":["host.name","os"]},{"type":"process"}]},"scopeLogs":[{"scope":{},"logRecords":[{"severityText":"x","body":{}}]}]}]})";
  CHECK(again(Signal::logs, json) == json);
}

TEST_CASE("what is no character costs that character") {
  auto body = [](std::string_view text) { return fmt::format(R"({{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{{"stringValue":"{}"}}}},{{"body":{{"stringValue":"other"}}}}]}}]}}]}})", text); };
  struct { std::string_view in, out; } const rows[] = {
      {R"(a\ud800b)", "a\xEF\xBF\xBD" "b"}, {R"(\udc00)", "\xEF\xBF\xBD"}, {R"(\ud800\ud800\udc00)", "\xEF\xBF\xBD\xF0\x90\x80\x80"},
      {R"(\ud83d\ude00)", "\xF0\x9F\x98\x80"}, {R"(\\ud800)", R"(\\ud800)"}, {"a\x80" "b", "a\xEF\xBF\xBD" "b"}, {"\xC3", "\xEF\xBF\xBD"}, {"\xFF\\ud800", "\xEF\xBF\xBD\xEF\xBF\xBD"},
  };
  for (auto& row : rows) {
    CAPTURE(row.in);
    std::size_t repaired = 0;
    REQUIRE(json_to_protobuf(Signal::logs, body(row.in), nullptr, &repaired));
    std::string got = again(Signal::logs, body(row.in));
    CAPTURE(got);
    CHECK(got.find(fmt::format("\"stringValue\":\"{}\"", row.out)) != got.npos);
    CHECK(got.find("other") != got.npos);
  }
}

TEST_CASE("of a key that comes twice, and of values that exclude each other, the last counts") {
  CHECK(again(Signal::logs, R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityText":"a","severityText":"b","body":{"stringValue":"x","intValue":1},"attributes":[{"key":"k","value":{"intValue":2,"stringValue":"y"}}],"attributes":[{"key":"l","value":{"intValue":3}}]}]}]}]})") ==
        R"({"resourceLogs":[{"resource":{},"scopeLogs":[{"scope":{},"logRecords":[{"severityText":"b","body":{"intValue":"1"},"attributes":[{"key":"l","value":{"intValue":"3"}}]}]}]}]})");
  CHECK(again(Signal::metrics, R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","sum":{"dataPoints":[{"asInt":1}]},"gauge":{"dataPoints":[{"asInt":1,"asDouble":2}]}}]}]}]})") ==
        R"({"resourceMetrics":[{"resource":{},"scopeMetrics":[{"scope":{},"metrics":[{"name":"m","gauge":{"dataPoints":[{"asDouble":2}]}}]}]}]})");
}

TEST_CASE("other legal spellings") {
  CHECK(again(Signal::traces, R"({"resource_spans":[{"scope_spans":[{"spans":[{"trace_id":"0102030405060708090A0B0C0D0E0F10","kind":"SPAN_KIND_CLIENT","start_time_unix_nano":7,"name":null,"unknown":{"a":[1]},"status":{"code":"STATUS_CODE_ERROR"}}]}]}]})") ==
        R"({"resourceSpans":[{"resource":{},"scopeSpans":[{"scope":{},"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","kind":3,"startTimeUnixNano":"7","status":{"code":2}}]}]}]})");
  CHECK(again(Signal::metrics, R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{"asDouble":"NaN"},{"asDouble":"-Infinity"},{"asInt":3}]}}]}]}]})") ==
        R"({"resourceMetrics":[{"resource":{},"scopeMetrics":[{"scope":{},"metrics":[{"gauge":{"dataPoints":[{"asDouble":"NaN"},{"asDouble":"-Infinity"},{"asInt":"3"}]}}]}]}]})");
  CHECK(again(Signal::traces, "{}") == "{}");
}

TEST_CASE("NaN has the bits that the Go collector gives it") {
  auto bytes = json_to_protobuf(Signal::metrics, R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{"asDouble":"NaN"}]}}]}]}]})");
  REQUIRE(bytes);
  CHECK(bytes->view().ends_with(std::string_view("\x01\0\0\0\0\0\xf8\x7f", 8)));
}

TEST_CASE("a zero keeps its sign") {
  std::string_view json = R"({"resourceMetrics":[{"resource":{},"scopeMetrics":[{"scope":{},"metrics":[{"gauge":{"dataPoints":[{"asDouble":-0.0},{"asDouble":0}]}}]}]}]})";
  CHECK(again(Signal::metrics, json) == json);
}

TEST_CASE("doubles beyond 64 bits that are written like integers") {
  for (std::string_view number : {"1e+20", "123456789012345680000", "-1e+300", "18446744073709551616", "-9223372036854776000"}) {
    std::string plain = fmt::format(R"({{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"name":"\\\"99999999999999999999 ","gauge":{{"dataPoints":[{{"asDouble":{}}}]}}}}]}}]}}]}})", number);
    CAPTURE(plain);
    std::string written = again(Signal::metrics, plain);
    CHECK(written.find(R"("name":"\\\"99999999999999999999 ")") != written.npos);
    CHECK(again(Signal::metrics, written) == written);
  }
}

TEST_CASE("integers beside doubles beyond 64 bits keep their digits") {
  std::string_view json =
      R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{"asDouble":-9223372036854776000},{"asInt":-9223372036854775807}]}},)"
      R"({"histogram":{"dataPoints":[{"count":18446744073709551615}]}}]}]}]})";
  std::string written = again(Signal::metrics, json);
  CHECK(written.find(R"("asInt":"-9223372036854775807")") != written.npos);
  CHECK(written.find(R"("count":"18446744073709551615")") != written.npos);
}

TEST_CASE("a large request leaves nothing behind, whether it was right or wrong") {
  auto allocated = [] {
    auto info = mallinfo2();  // 0 under a sanitizer
    return info.uordblks + info.hblkhd;
  };
  CHECK_FALSE(json_to_protobuf(Signal::traces, "{").has_value());  // a parser for small ones is there
  for (std::string_view end : {"}", "]"}) {
    std::string json = "{\"" + std::string(4'000'000, 'x') + "\":1" + std::string(end);
    std::size_t before = allocated();
    CHECK(json_to_protobuf(Signal::traces, json).has_value() == (end == "}"));
    CHECK(allocated() < before + 1'000'000);
  }
}

TEST_CASE("errors name the place") {
  struct {
    std::string_view json, error;
  } const rows[] = {
      {"{", "not JSON: "},
      {"[]", "expected an object"},
      {R"({"resourceSpans":{}})", "resourceSpans: expected an array"},
      {R"({"resourceSpans":[{},{"scopeSpans":[{"spans":[{"kind":"NO"}]}]}]})", "resourceSpans[1].scopeSpans[0].spans[0].kind: unknown name \"NO\""},
      {R"({"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]})", "resourceSpans[0].scopeSpans[0].spans[0].traceId: expected hex digits"},
      {R"({"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"1.5"}]}]}]})", "resourceSpans[0].scopeSpans[0].spans[0].startTimeUnixNano: expected an unsigned integer"},
      {R"({"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"01"}]}]}]})", "Span field 1: a trace id has 16 bytes"},
  };
  for (auto& row : rows) {
    CAPTURE(row.json);
    std::string got = again(Signal::traces, row.json);
    CHECK(got.starts_with("error: " + std::string(row.error)));
  }
}

TEST_CASE("nesting is bounded") {
  std::string deep = R"({"resourceSpans":[{"resource":{"attributes":[{"key":"k","value":)";
  std::string end;
  for (int i = 0; i < 100; ++i) {
    deep += R"({"arrayValue":{"values":[)";
    end += "]}}";
  }
  deep += R"({"intValue":"1"})" + end + "}]}}]}";
  CHECK_FALSE(json_to_protobuf(Signal::traces, deep));
  CHECK_FALSE(json_to_protobuf(Signal::traces, std::string(100'000, '[')));
}
