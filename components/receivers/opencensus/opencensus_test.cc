#include <doctest/doctest.h>

#include "components/receivers/opencensus/json.h"
#include "components/receivers/opencensus/translate.h"
#include "components/shared/trace_writer/testing.h"

using namespace weir;
using namespace weir::receivers::opencensus;
using otlp::Signal;
using weir::testing::json_of;

namespace {

Result<Bytes> translate(Signal signal, std::string_view json, std::size_t* lost = nullptr) {
  Charge charge;
  WEIR_ASSIGN(auto requests, from_json(signal, json, charge));
  Sender sender{Charge()};
  Translator translator(signal, charge);
  for (auto& request : requests) {
    WEIR_TRY(sender.update(request));
    WEIR_TRY(translator.add(request, sender));
  }
  if (lost != nullptr) *lost = translator.lost();
  return translator.finish();
}

std::string spans(std::string_view json) { return json_of(translate(Signal::traces, json)); }
std::string metrics(std::string_view json) { return json_of(translate(Signal::metrics, json), Signal::metrics); }
// One span, whose members these are.
std::string span(std::string_view members) { return spans(fmt::format(R"({{"node":{{}},"spans":[{{{}}}]}})", members)); }
bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

#define CHECK_HAS(text, part) CHECK_MESSAGE(has(text, part), text)

}  // namespace

TEST_CASE("opencensus: node and resource become the resource") {
  std::string out = spans(R"({
    "node": {"identifier": {"hostName": "h", "pid": 7, "startTimestamp": "2020-02-11T20:26:00.5Z"},
             "libraryInfo": {"language": "PYTHON", "exporterVersion": "0.7", "coreLibraryVersion": "0.8"},
             "serviceInfo": {"name": "till"}, "attributes": {"team": "a", "kept": "node"}},
    "resource": {"type": "container", "labels": {"cloud.zone": "z1", "kept": "label"}},
    "spans": [{"traceId": "AAECAwQFBgcICQoLDA0ODw==", "spanId": "AAECAwQFBgc=", "name": {"value": "op"}}]})");
  for (std::string_view part :
       {R"("key":"service.name","value":{"stringValue":"till"})", R"("key":"opencensus.starttime","value":{"stringValue":"2020-02-11T20:26:00.5Z"})",
        R"("key":"host.name","value":{"stringValue":"h"})", R"("key":"process.pid","value":{"intValue":"7"})", R"("key":"telemetry.sdk.version","value":{"stringValue":"0.8"})",
        R"("key":"opencensus.exporterversion","value":{"stringValue":"0.7"})", R"("key":"telemetry.sdk.language","value":{"stringValue":"python"})",
        R"("key":"cloud.availability_zone","value":{"stringValue":"z1"})", R"("key":"kept","value":{"stringValue":"node"})",
        R"("key":"opencensus.resourcetype","value":{"stringValue":"container"})", R"("traceId":"000102030405060708090a0b0c0d0e0f")", R"("spanId":"0001020304050607")", R"("name":"op")"})
    CHECK_HAS(out, part);
}

TEST_CASE("opencensus: what a later message leaves out is that of the last one that had it") {
  std::string out = spans(R"({"node": {"serviceInfo": {"name": "one"}}, "resource": {"type": "t"}, "spans": [{"name": {"value": "a"}}]}
    {"spans": [{"name": {"value": "b"}}]} {"node": {"serviceInfo": {"name": "two"}}, "spans": [{"name": {"value": "c"}}]})");
  auto count = [&](std::string_view part) {
    int n = 0;
    for (std::size_t at = 0; (at = out.find(part, at)) != out.npos; ++at) ++n;
    return n;
  };
  CHECK(count(R"("stringValue":"one")") == 2);
  CHECK(count(R"("stringValue":"two")") == 1);
  CHECK(count("opencensus.resourcetype") == 3);
}

TEST_CASE("opencensus: spans with a resource of their own have it in place of the message's, with the same node") {
  std::string out = spans(R"({"node": {"serviceInfo": {"name": "s"}}, "resource": {"labels": {"k": "message"}},
    "spans": [{"name": {"value": "a"}}, {"name": {"value": "b"}, "resource": {"labels": {"k": "own"}}}, {"name": {"value": "c"}}]})");
  CHECK(out.find(R"("stringValue":"message")") == out.rfind(R"("stringValue":"message")"));
  CHECK_HAS(out, R"("stringValue":"own")");
  CHECK(out.find(R"("name":"b")") > out.find(R"("stringValue":"own")"));
}

TEST_CASE("opencensus: kinds, also those told by an attribute") {
  struct {
    std::string_view members, kind;
    bool keeps;
  } const rows[] = {
      {R"("kind":"SERVER")", R"("kind":2)", false},
      {R"("kind":2)", R"("kind":3)", false},
      {R"("attributes":{"attributeMap":{"span.kind":{"stringValue":{"value":"consumer"}}}})", R"("kind":5)", false},
      {R"("attributes":{"attributeMap":{"span.kind":{"stringValue":{"value":"producer"}}}})", R"("kind":4)", false},
      {R"("attributes":{"attributeMap":{"span.kind":{"stringValue":{"value":"internal"}}}})", R"("kind":1)", false},
      {R"("attributes":{"attributeMap":{"span.kind":{"stringValue":{"value":"server"}}}})", "span.kind", true},
      {R"("kind":"CLIENT","attributes":{"attributeMap":{"span.kind":{"stringValue":{"value":"consumer"}}}})", R"("kind":3)", true},
  };
  for (auto& row : rows) {
    CAPTURE(row.members);
    std::string out = span(row.members);
    CHECK_HAS(out, row.kind);
    CHECK(has(out, "span.kind") == row.keeps);
  }
}

TEST_CASE("opencensus: every status code but 0 is an error, unless an attribute says otherwise") {
  CHECK_HAS(span(R"("status":{"code":5,"message":"m"})"), R"("status":{"message":"m","code":2})");
  CHECK_FALSE(has(span(R"("status":{"code":0})"), R"("code")"));
  std::string told = span(R"("status":{"code":5},"attributes":{"attributeMap":{"otel.status_code":{"intValue":"1"}}})");
  CHECK_HAS(told, R"("code":1)");
  CHECK_FALSE(has(told, "otel.status_code"));
  CHECK_HAS(span(R"("attributes":{"attributeMap":{"otel.status_code":{"intValue":"1"}}})"), "otel.status_code");
}

TEST_CASE("opencensus: attributes of every type, events, links and trace state") {
  std::string out = span(R"("attributes":{"attributeMap":{"s":{"stringValue":{"value":"x"}},"i":{"intValue":-1},"b":{"boolValue":true},"d":{"doubleValue":1.5},"u":{}},"droppedAttributesCount":3},
    "timeEvents":{"timeEvent":[{"time":"1970-01-01T00:00:01Z","annotation":{"description":{"value":"note"},"attributes":{"attributeMap":{"k":{"intValue":4}},"droppedAttributesCount":1}}},
      {"time":"1970-01-01T00:00:02Z","messageEvent":{"type":"SENT","id":"9","uncompressedSize":100,"compressedSize":50}},{"time":"1970-01-01T00:00:03Z"}],
      "droppedAnnotationsCount":2,"droppedMessageEventsCount":5},
    "links":{"link":[{"traceId":"AAECAwQFBgcICQoLDA0ODw==","spanId":"AAECAwQFBgc=","type":"CHILD_LINKED_SPAN","attributes":{"attributeMap":{"l":{"boolValue":false}}}}],"droppedLinksCount":6},
    "tracestate":{"entries":[{"key":"a","value":"1"},{"key":"b","value":"2"}]},"sameProcessAsParentSpan":true,"stackTrace":{"stackTraceHashId":"1"},"childSpanCount":3)");
  for (std::string_view part :
       {R"("key":"s","value":{"stringValue":"x"})", R"("key":"i","value":{"intValue":"-1"})", R"("key":"b","value":{"boolValue":true})", R"("key":"d","value":{"doubleValue":1.5})",
        R"("key":"u","value":{"stringValue":"<Unknown OpenCensus attribute value type>"})", R"("droppedAttributesCount":3)", R"("timeUnixNano":"1000000000","name":"note")",
        R"("name":"message")", R"("key":"message.type","value":{"stringValue":"SENT"})", R"("key":"messaging.message_id","value":{"intValue":"9"})",
        R"("key":"messaging.message_payload_size_bytes","value":{"intValue":"100"})", R"("key":"messaging.message_payload_compressed_size_bytes","value":{"intValue":"50"})",
        R"("name":"An unknown OpenCensus TimeEvent type was detected when translating")", R"("droppedEventsCount":7)", R"("droppedLinksCount":6)", R"("traceState":"a=1,b=2")",
        R"("key":"opencensus.same_process_as_parent_span","value":{"boolValue":true})"})
    CHECK_HAS(out, part);
}

TEST_CASE("opencensus: ids of other lengths are cut, or filled up behind") {
  std::string out = span(R"("traceId":"AQI=","spanId":"AAECAwQFBgcI")");
  CHECK_HAS(out, R"("traceId":"01020000000000000000000000000000")");
  CHECK_HAS(out, R"("spanId":"0001020304050607")");
}

TEST_CASE("opencensus: gauges and sums") {
  std::string out = metrics(R"({"node":{},"metrics":[
    {"metricDescriptor":{"name":"g","description":"d","unit":"1","type":"GAUGE_INT64","labelKeys":[{"key":"a"},{"key":"b"},{"key":"c"}]},
     "timeseries":[{"startTimestamp":"1970-01-01T00:00:01Z","labelValues":[{"value":"x","hasValue":true},{},{"value":"","hasValue":true},{"value":"no key","hasValue":true}],
       "points":[{"timestamp":"1970-01-01T00:00:02Z","int64Value":"5"},{"timestamp":"1970-01-01T00:00:03Z","doubleValue":5}]}]},
    {"metricDescriptor":{"name":"s","type":"CUMULATIVE_DOUBLE"},"timeseries":[{"points":[{"doubleValue":2.5}]}]}]})");
  for (std::string_view part : {R"("name":"g","description":"d","unit":"1","gauge")", R"("attributes":[{"key":"a","value":{"stringValue":"x"}},{"key":"c","value":{"stringValue":""}}])",
                                R"("startTimeUnixNano":"1000000000","timeUnixNano":"2000000000","asInt":"5")", R"("timeUnixNano":"3000000000","asInt":"0")", R"("name":"s","sum")",
                                R"("asDouble":2.5)", R"("aggregationTemporality":2,"isMonotonic":true)"})
    CHECK_HAS(out, part);
}

TEST_CASE("opencensus: distributions and summaries") {
  std::string out = metrics(R"({"node":{},"metrics":[
    {"metricDescriptor":{"name":"h","type":6},"timeseries":[{"points":[{"distributionValue":{"count":"3","sum":6.5,"bucketOptions":{"explicit":{"bounds":[1,2.5]}},
      "buckets":[{"count":"1"},{"count":"0"},{"count":"2","exemplar":{"value":7,"timestamp":"1970-01-01T00:00:01Z","attachments":{"k":"v"}}}]}}]}]},
    {"metricDescriptor":{"name":"q","type":"SUMMARY"},"timeseries":[{"points":[{"summaryValue":{"count":"4","sum":8,"snapshot":{"percentileValues":[{"percentile":99,"value":3}]}}}]}]}]})");
  for (std::string_view part : {R"("count":"3","sum":6.5,"bucketCounts":["1","0","2"],"explicitBounds":[1,2.5])", R"("asDouble":7)", R"("filteredAttributes":[{"key":"k","value":{"stringValue":"v"}}])",
                                R"("count":"4","sum":8)", R"("quantile":0.99,"value":3)"})
    CHECK_HAS(out, part);
}

TEST_CASE("opencensus: metrics with a resource of their own") {
  std::string out = metrics(R"({"node":{"serviceInfo":{"name":"s"}},"resource":{"type":"message"},"metrics":[
    {"metricDescriptor":{"name":"a","type":1},"timeseries":[{"points":[{"int64Value":1}]}]},
    {"metricDescriptor":{"name":"b","type":1},"timeseries":[{"points":[{"int64Value":1}]}],"resource":{"type":"own"}}]})");
  CHECK(out.find(R"("name":"b")") > out.find(R"("stringValue":"own")"));
  CHECK(out.find(R"("name":"a")") < out.find(R"("stringValue":"own")"));
}

TEST_CASE("opencensus: points without a place in OTLP are counted") {
  std::size_t lost = 0;
  auto out = translate(Signal::metrics, R"({"node":{},"metrics":[{"metricDescriptor":{"name":"d","type":"GAUGE_DISTRIBUTION"},"timeseries":[{"points":[{},{}]},{"points":[{}]}]},{},
    {"metricDescriptor":{"name":"a","type":1},"timeseries":[{"points":[{"int64Value":1}]}]}]})", &lost);
  CHECK(lost == 4);
  CHECK_HAS(json_of(out, Signal::metrics), R"("name":"a")");
}

TEST_CASE("opencensus: texts that are no requests") {
  for (std::string_view bad : {"{", "[]", "{\"node\":1}", R"({"spans":{}})", R"({"spans":[{"traceId":"?"}]})", R"({"spans":[{"startTime":"yesterday"}]})", R"({"spans":[{"kind":"BUTLER"}]})",
                               R"({"spans":[{"status":{"code":"x"}}]})", R"({"node":{}} {)"}) {
    CAPTURE(bad);
    CHECK_FALSE(translate(Signal::traces, bad));
  }
  CHECK(translate(Signal::traces, R"({"node":null,"spans":null,"later":{"x":[1]}})"));
  Charge charge;
  Translator translator(Signal::traces, charge);
  Sender sender{Charge()};
  for (std::string_view bad : {std::string_view("\x12\x02\x0a", 3), std::string_view("\x12\x01\x0a", 3), std::string_view("\x0f", 1)}) CHECK_FALSE(translator.add(bad, sender));
}

TEST_CASE("opencensus: labels that would be written once for each of many points are paid for before") {
  std::string labels = R"("labelKeys":[{"key":"k"}])", points = R"({"int64Value":1})";
  for (int i = 0; i < 1000; ++i) points += R"(,{"int64Value":1})";
  std::string json = fmt::format(R"({{"node":{{}},"metrics":[{{"metricDescriptor":{{"name":"m","type":1,{}}},"timeseries":[{{"labelValues":[{{"value":"{}","hasValue":true}}],"points":[{}]}}]}}]}})", labels,
                                 std::string(10'000, 'x'), points);
  Budget budget(5'000'000);
  Charge charge = budget.empty_charge();
  auto requests = from_json(Signal::metrics, json, charge);
  REQUIRE(requests);
  Translator translator(Signal::metrics, charge);
  auto added = translator.add(requests->at(0), Sender{Charge()});
  REQUIRE_FALSE(added);
  CHECK(added.error().code == Errc::refused);
}
