#include <doctest/doctest.h>

#include "components/exporters/elasticsearch/bulk.h"
#include "components/exporters/elasticsearch/document.h"
#include "components/shared/trace_writer/testing.h"

using namespace weir;
using namespace weir::exporters::elasticsearch;
using weir::testing::batch_of;

namespace {

std::string body_of(std::string_view json, otlp::Signal signal, const Config& config, std::size_t* without_form = nullptr) {
  auto batch = batch_of(json, signal);
  BulkWriter writer(config, batch, 1'700'000'000'000'000'000);
  std::string out = writer.next().body;
  CHECK(writer.next().documents() == 0);
  if (without_form != nullptr) *without_form = writer.without_form().size();
  batch.settle({});
  return out;
}

Config with_mode(Mode mode) {
  Config config;
  config.mapping.mode = mode;
  return config;
}

constexpr std::string_view log_request = R"({"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},{"key":"k8s.pod.name","value":{"stringValue":"p"}},{"key":"os.type","value":{"stringValue":"darwin"}}]},
  "schemaUrl":"u","scopeLogs":[{"scope":{"name":"lib","version":"1"},"logRecords":[{"timeUnixNano":"1700000000123456789","observedTimeUnixNano":"1700000000000000001","severityNumber":9,"severityText":"INFO",
  "traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","body":{"stringValue":"hi"},"attributes":[{"key":"n","value":{"doubleValue":2}},{"key":"exception.type","value":{"stringValue":"E"}},{"key":"data_stream.dataset","value":{"stringValue":"My App"}}]}]}]}]})";

}  // namespace

TEST_CASE("elasticsearch: a log record, mode by mode") {
  CHECK(body_of(log_request, otlp::Signal::logs, with_mode(Mode::otel)) ==
        "{\"create\":{\"_index\":\"logs-my_app.otel-default\"}}\n"
        R"({"@timestamp":"1700000000123.456789","observed_timestamp":"1700000000000.000001","data_stream":{"type":"logs","dataset":"my_app.otel","namespace":"default"},"severity_text":"INFO","severity_number":9,)"
        R"("trace_id":"0102030405060708090a0b0c0d0e0f10","span_id":"0102030405060708","attributes":{"n":2.0,"exception.type":"E"},)"
        R"("resource":{"schema_url":"u","attributes":{"service.name":"shop","k8s.pod.name":"p","os.type":"darwin"}},"scope":{"name":"lib","version":"1"},"body":{"text":"hi"}})"
        "\n");
  CHECK(body_of(log_request, otlp::Signal::logs, with_mode(Mode::ecs)) ==
        "{\"create\":{\"_index\":\"logs-my_app-default\"}}\n"
        R"({"@timestamp":"2023-11-14T22:13:20.123456789Z","agent":{"name":"otlp"},"data_stream":{"dataset":"my_app","namespace":"default","type":"logs"},"error":{"type":"E"},"event":{"severity":9},)"
        R"("host":{"os":{"platform":"darwin","type":"macos"}},"kubernetes":{"pod":{"name":"p"}},"log":{"level":"INFO"},"message":"hi","n":2.0,"service":{"name":"shop"},"span":{"id":"0102030405060708"},)"
        R"("trace":{"id":"0102030405060708090a0b0c0d0e0f10"}})"
        "\n");
  std::string none = body_of(log_request, otlp::Signal::logs, with_mode(Mode::none)), raw = body_of(log_request, otlp::Signal::logs, with_mode(Mode::raw));
  CHECK(none.find(R"("Attributes.n":2.0,"Body":"hi","Resource.k8s.pod.name":"p")") != none.npos);
  CHECK(none.find(R"("Scope.name":"lib","Scope.version":"1","SeverityNumber":9,"SeverityText":"INFO","SpanId":"0102030405060708","TraceFlags":0,)") != none.npos);
  CHECK(raw.find(R"("exception.type":"E","n":2.0})") != raw.npos);
}

TEST_CASE("elasticsearch: the mode of a scope, of a sender, and modes that are not allowed") {
  auto written = [](std::string_view scope, std::string_view header, const Config& config, std::size_t* without = nullptr) {
    auto batch = batch_of(fmt::format(R"({{"resourceLogs":[{{"scopeLogs":[{{"scope":{{{}}},"logRecords":[{{"body":{{"kvlistValue":{{"values":[{{"key":"k","value":{{"intValue":"1"}}}}]}}}}}}]}}]}}]}})", scope), otlp::Signal::logs);
    auto context = std::make_shared<otlp::Context>();
    if (!header.empty()) context->metadata["x-elastic-mapping-mode"] = {std::string(header)};
    batch.context = context;
    BulkWriter writer(config, batch, 1'700'000'000'000'000'000);
    std::string out = writer.next().body;
    if (without != nullptr) *without = writer.without_form().size();
    batch.settle({});
    return out;
  };
  constexpr std::string_view bodymap = R"("attributes":[{"key":"elastic.mapping.mode","value":{"stringValue":"bodymap"}}])";
  CHECK(written("", "", {}).find("generic.otel") != std::string::npos);
  CHECK(written("", "ECS", {}).find("logs-generic-default") != std::string::npos);
  CHECK(written(bodymap, "ecs", {}).ends_with("{\"k\":1}\n"));
  std::size_t without = 0;
  CHECK(written("", "sideways", {}, &without).empty());
  CHECK(without == 1);
  Config narrow;
  narrow.mapping.allowed_modes = {Mode::otel, Mode::ecs};
  CHECK(written(bodymap, "", narrow, &without).empty());
  CHECK(without == 1);
  CHECK_FALSE(written("", "ecs", narrow, &without).empty());
  CHECK(without == 0);
}

TEST_CASE("elasticsearch: fields with dots become objects, and no field is in another's way") {
  Document document;
  Arena arena;
  document.add_text("a.b", "1");
  document.add_text("a", "2");
  document.add_text("a-x", "3");
  document.add_text("a.b.c", "4");
  otlp::Attributes inner;
  inner.set(arena, "k", otlp::Value::of(std::int64_t{5}));
  document.add("m", otlp::Value::of(&inner));
  CHECK(document.to_json(false) == R"({"a-x":"3","a.b.c":"4","a.b.value":"1","a.value":"2","m.k":5})");
  CHECK(document.to_json(true) == R"({"a":{"b":{"c":"4","value":"1"},"value":"2"},"a-x":"3","m":{"k":5}})");
}

TEST_CASE("elasticsearch: a span and its events") {
  std::string_view request = R"({"resourceSpans":[{"scopeSpans":[{"scope":{"name":"x/receiver/hostmetricsreceiver/internal"},"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","name":"get","kind":3,
    "startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000000000250","status":{"code":2,"message":"m"},"links":[{"traceId":"1102030405060708090a0b0c0d0e0f10","spanId":"2102030405060708"}],
    "attributes":[{"key":"geo.location.lon","value":{"doubleValue":1.5}},{"key":"geo.location.lat","value":{"doubleValue":2.5}}],
    "events":[{"timeUnixNano":"1700000000000000100","name":"ev"}]}]}]}]})";
  std::string otel = body_of(request, otlp::Signal::traces, with_mode(Mode::otel));
  CAPTURE(otel);
  CHECK(otel.find("\"traces-hostmetricsreceiver.otel-default\"") != otel.npos);
  CHECK(otel.find(R"("name":"get","kind":"Client","duration":250,"attributes":{"geo.location":[1.5,2.5]},"links":[{"trace_id":"1102030405060708090a0b0c0d0e0f10","span_id":"2102030405060708"}],"status":{"message":"m","code":"Error"},"resource":{},)") != otel.npos);
  CHECK(otel.find("{\"create\":{\"_index\":\"logs-hostmetricsreceiver.otel-default\"}}\n") != otel.npos);
  CHECK(otel.find(R"("event_name":"ev","attributes":{"event.name":"ev"})") != otel.npos);
  std::string none = body_of(request, otlp::Signal::traces, with_mode(Mode::none));
  CHECK(none.find(R"("Events.ev.time":"2023-11-14T22:13:20.000000100Z","Kind":"SPAN_KIND_CLIENT","Link":"[{\"attribute\":{},\"spanID\":\"2102030405060708\",\"traceID\":\"1102030405060708090a0b0c0d0e0f10\"}]","Name":"get")") != none.npos);
}

TEST_CASE("elasticsearch: data points that belong together are one document") {
  std::string_view request = R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[
    {"name":"a","gauge":{"dataPoints":[{"timeUnixNano":"1700000000000000000","asInt":"1"},{"timeUnixNano":"1700000000000000000","asDouble":"NaN","attributes":[{"key":"k","value":{"stringValue":"v"}}]}]}},
    {"name":"b","sum":{"isMonotonic":true,"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"1700000000000000000","asDouble":2.5}]}},
    {"name":"h","histogram":{"dataPoints":[{"timeUnixNano":"1700000000000000000","bucketCounts":["1","0","3"],"explicitBounds":[10,20]}]}},
    {"name":"a","gauge":{"dataPoints":[{"timeUnixNano":"1700000000000000000","asInt":"9"}]}}]}]}]})";
  std::size_t without = 0;
  std::string otel = body_of(request, otlp::Signal::metrics, with_mode(Mode::otel), &without);
  CHECK(otel ==
        R"({"create":{"_index":"metrics-generic.otel-default","dynamic_templates":{"metrics.a":"gauge_long","metrics.b":"counter_double","metrics.h":"histogram"}}})"
        "\n"
        R"({"@timestamp":1700000000000,"data_stream":{"type":"metrics","dataset":"generic.otel","namespace":"default"},"resource":{},"scope":{},"metrics":{"a":1,"b":2.5,"h":{"counts":[1,3],"values":[5.0,20.0]}}})"
        "\n");
  CHECK(without == 2);  // the one that is no number, and the one that comes twice
}

TEST_CASE("elasticsearch: indices that are set, with days, ids and pipelines") {
  Config config = with_mode(Mode::none);
  config.logs_index = "own";
  config.logstash_format.enabled = true;
  CHECK(body_of(log_request, otlp::Signal::logs, config).starts_with("{\"create\":{\"_index\":\"own-2023.11.14\"}}\n"));
  config.logstash_format.enabled = false;
  config.logs_dynamic_index.enabled = true;
  CHECK(body_of(log_request, otlp::Signal::logs, config).starts_with("{\"create\":{\"_index\":\"logs-my_app-default\"}}\n"));
  config.logs_dynamic_id.enabled = config.logs_dynamic_pipeline.enabled = true;
  CHECK(body_of(R"({"resourceLogs":[{"resource":{"attributes":[{"key":"elasticsearch.index.prefix","value":{"stringValue":"p-"}}]},"scopeLogs":[{"logRecords":[{"attributes":[{"key":"elasticsearch.document_id","value":{"stringValue":"7"}},{"key":"elasticsearch.ingest_pipeline","value":{"stringValue":"pipe"}}]}]}]}]})",
                otlp::Signal::logs, config)
            .starts_with("{\"create\":{\"_index\":\"p-own\",\"_id\":\"7\",\"pipeline\":\"pipe\"}}\n"));
}

TEST_CASE("elasticsearch: requests are cut by size, and know which items are in them") {
  Config config = with_mode(Mode::otel);
  config.flush.bytes.value = 1000;
  std::string records;
  for (int i = 0; i < 20; ++i) records += fmt::format(R"({}{{"body":{{"stringValue":"{}"}}}})", i ? "," : "", std::string(200, 'x'));
  auto batch = batch_of(fmt::format(R"({{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{}]}}]}}]}})", records), otlp::Signal::logs);
  BulkWriter writer(config, batch, 0);
  std::size_t requests = 0, documents = 0;
  for (Bulk bulk = writer.next(); bulk.documents() > 0; bulk = writer.next(), ++requests) {
    CHECK(bulk.body.size() < 1800);
    CHECK(bulk.items.front().first == documents);
    CHECK(bulk.document(0).starts_with("{\"create\""));
    documents += bulk.documents();
  }
  CHECK(documents == 20);
  CHECK(requests > 4);
  batch.settle({});
}

namespace {

// Documents of all requests; none of these is larger than `most`.
std::size_t documents_of(std::string_view json, otlp::Signal signal, std::size_t most) {
  Config config = with_mode(Mode::otel);
  auto batch = batch_of(json, signal);
  BulkWriter writer(config, batch, 0);
  std::size_t documents = 0;
  for (Bulk bulk = writer.next(); bulk.documents() > 0; bulk = writer.next()) {
    CHECK(bulk.body.size() < most);
    documents += bulk.documents();
  }
  batch.settle({});
  return documents;
}

std::string metrics_of(std::string_view resource, std::string_view name, std::string_view points) {
  return fmt::format(R"({{"resourceMetrics":[{{"resource":{{"attributes":[{{"key":"k","value":{{"stringValue":"{}"}}}}]}},"scopeMetrics":[{{"metrics":[{{"name":"{}","gauge":{{"dataPoints":[{}]}}}}]}}]}}]}})", resource, name, points);
}

}  // namespace

TEST_CASE("elasticsearch: what each document repeats makes no request too large") {
  std::string points, events;
  for (int i = 0; i < 500; ++i) points += fmt::format(R"({}{{"asInt":"1","attributes":[{{"key":"a","value":{{"stringValue":"{}"}}}}]}})", i ? "," : "", i);
  for (int i = 0; i < 500; ++i) events += fmt::format(R"({}{{"name":"e{}"}})", i ? "," : "", i);
  const std::string large(200'000, 'x');
  constexpr std::size_t most = 30 << 20;
  CHECK(documents_of(metrics_of(large, "m", points), otlp::Signal::metrics, most) == 500);
  CHECK(documents_of(metrics_of("v", large, points), otlp::Signal::metrics, most) == 500);
  CHECK(documents_of(fmt::format(R"({{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"k","value":{{"stringValue":"{}"}}}}]}},"scopeSpans":[{{"spans":[{{"name":"a","events":[{}]}},{{"name":"b"}}]}}]}}]}})", large, events),
                     otlp::Signal::traces, most) == 502);
}

TEST_CASE("elasticsearch: what follows many points without a value is written") {
  std::string points;
  for (int i = 0; i < 10'001; ++i) points += "{},";
  CHECK(documents_of(metrics_of("v", "m", points + R"({"asInt":"1"})"), otlp::Signal::metrics, 1 << 20) == 1);
}

TEST_CASE("elasticsearch: answers") {
  auto answer = read_answer(R"({"errors":true,"items":[{"create":{"status":201}},{"create":{"status":429,"error":{"type":"busy","reason":"later"}}}]})", 2);
  REQUIRE(answer);
  CHECK((*answer)[0].status == 201);
  CHECK((*answer)[1].status == 429);
  CHECK((*answer)[1].reason == "busy: later");
  CHECK(read_answer(R"({"errors":false})", 3)->size() == 3);
  for (std::string_view bad : {"", "[]", "{}", R"({"items":[]})", R"({"errors":true})"}) CHECK_FALSE(read_answer(bad, 2));
}

TEST_CASE("elasticsearch: where the cluster is") {
  Config config;
  CHECK_FALSE(config.urls());
  config.cloudid = "name:Zm9vLmV4YW1wbGU6NDQzJGVzJGtpYmFuYQ==";  // foo.example:443$es$kibana
  CHECK(config.urls().value() == std::vector<std::string>{"https://es.foo.example:443"});
  config.endpoints = {"http://a:9200"};
  CHECK_FALSE(config.urls());
  config.cloudid.clear();
  config.endpoints = {"http://a:9200/", "ftp://b"};
  CHECK_FALSE(config.urls());
}
