#include "components/shared/jaeger/jaeger.h"

#include <doctest/doctest.h>

#include "components/shared/jaeger/span_writer.h"
#include "components/shared/thrift/testing.h"
#include "components/shared/trace_writer/testing.h"

using namespace weir;
using weir::testing::json_of;
using otlp::Writer;
using thrift::Protocol;
using thrift::Type;

namespace {

using Tags = std::vector<std::pair<std::string, std::variant<std::string, bool, std::int64_t, double>>>;

void put_tags(thrift::testing::Writer& out, int id, const Tags& tags) {
  out.structs(id, tags.size());
  for (auto& [key, value] : tags) {
    out.begin().string(1, key);
    if (auto* text = std::get_if<std::string>(&value)) out.integer(2, 0, Type::i32).string(3, *text);
    if (auto* real = std::get_if<double>(&value)) out.integer(2, 1, Type::i32).real(4, *real);
    if (auto* truth = std::get_if<bool>(&value)) out.integer(2, 2, Type::i32).boolean(5, *truth);
    if (auto* number = std::get_if<std::int64_t>(&value)) out.integer(2, 3, Type::i32).integer(6, *number);
    out.end();
  }
}

struct Reference {
  int kind;
  std::int64_t low, high, span;
};

struct SpanSpec {
  Tags tags;
  std::int64_t parent = 0;
  std::vector<Reference> references;
  Tags log;
  bool behind = false;  // the process stands behind the spans
};

std::string batch_of(Protocol protocol, const SpanSpec& spec, bool message = false) {
  thrift::testing::Writer out(protocol);
  if (message) out.message("emitBatch").begin().structure(1);
  out.begin();
  auto process = [&] {
    out.structure(1).begin().string(1, "shop");
    put_tags(out, 2, {{"hostname", "h1"}, {"jaeger.version", "Go-2"}, {"pid", std::int64_t{7}}});
    out.end();
  };
  if (!spec.behind) process();
  out.structs(2, 1).begin().integer(1, 2).integer(2, 1).integer(3, 3).integer(4, spec.parent).string(5, "GET");
  out.structs(6, spec.references.size());
  for (auto& r : spec.references) out.begin().integer(1, r.kind, Type::i32).integer(2, r.low).integer(3, r.high).integer(4, r.span).end();
  out.integer(7, 1, Type::i32).integer(8, 1'700'000'000'000'000).integer(9, 250);
  put_tags(out, 10, spec.tags);
  out.structs(11, spec.log.empty() ? 0 : 1);
  if (!spec.log.empty()) {
    out.begin().integer(1, 1'700'000'000'000'100);
    put_tags(out, 2, spec.log);
    out.end();
  }
  out.end();
  if (spec.behind) process();
  out.end();
  if (message) out.end();
  return out.bytes();
}

std::string translated(const SpanSpec& spec, Protocol protocol = Protocol::binary) {
  Charge charge;
  return json_of(jaeger::from_thrift(protocol, batch_of(protocol, spec), charge));
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("jaeger: a Thrift batch becomes a resource with its spans, in both protocols, wherever the process stands") {
  SpanSpec spec{.tags = {{"span.kind", "client"}, {"n", std::int64_t{5}}, {"d", 2.5}, {"b", true}},
                .references = {{0, 2, 1, 9}, {1, 5, 4, 6}},
                .log = {{"event", "retry"}, {"k", "v"}}};
  std::string first = translated(spec);
  CAPTURE(first);
  CHECK(has(first, R"({"key":"service.name","value":{"stringValue":"shop"}})"));
  CHECK(has(first, R"({"key":"host.name","value":{"stringValue":"h1"}})"));
  CHECK(has(first, R"({"key":"opencensus.exporterversion","value":{"stringValue":"Jaeger-Go-2"}})"));
  CHECK_FALSE(has(first, "hostname"));
  CHECK(has(first, R"("traceId":"00000000000000010000000000000002","spanId":"0000000000000003","parentSpanId":"0000000000000009")"));
  CHECK(has(first, R"("kind":3)"));
  CHECK(has(first, R"("startTimeUnixNano":"1700000000000000000","endTimeUnixNano":"1700000000000250000")"));
  CHECK(has(first, R"("name":"retry","attributes":[{"key":"k","value":{"stringValue":"v"}}])"));
  CHECK(has(first, R"("links":[{"traceId":"00000000000000040000000000000005","spanId":"0000000000000006")"));  // the parent is no link
  CHECK(has(first, R"({"key":"opentracing.ref_type","value":{"stringValue":"follows_from"}})"));
  CHECK_FALSE(has(first, "span.kind"));
  spec.behind = true;
  CHECK(translated(spec) == first);
  CHECK(translated(spec, Protocol::compact) == first);
  Charge charge;
  for (Protocol protocol : {Protocol::binary, Protocol::compact})
    CHECK(json_of(jaeger::from_datagram(protocol, batch_of(protocol, spec, true), charge)) == first);
}

TEST_CASE("jaeger: the status comes from `error`, then from otel.status_code, then from HTTP") {
  struct {
    Tags tags;
    const char* status;
    const char* gone;
  } const rows[] = {
      {{{"error", true}, {"otel.status_description", "why"}}, R"("status":{"message":"why","code":2})", "otel.status_description"},
      {{{"error", true}, {"http.status_message", "Not Found"}}, R"("status":{"message":"Not Found","code":2})", "\"error\""},
      {{{"error", false}, {"otel.status_code", "ok"}}, R"("status":{"code":1})", "otel.status_code"},
      {{{"otel.status_code", "ERROR"}, {"otel.status_description", "x"}}, R"("status":{"message":"x","code":2})", "otel.status_description"},
      {{{"error", true}, {"otel.status_code", "OK"}}, R"("status":{"code":2})", "otel.status_code"},
      {{{"http.status_code", std::int64_t{500}}}, R"("status":{"code":2})", "none"},
      {{{"http.status_code", "404"}, {"span.kind", "client"}}, R"("status":{"code":2})", "span.kind"},
      {{{"http.response.status_code", std::int64_t{503}}}, R"("status":{"code":2})", "http.response"},
  };
  for (auto& row : rows) {
    std::string out = translated({.tags = row.tags});
    CAPTURE(out);
    CHECK(has(out, row.status));
    CHECK_FALSE(has(out, row.gone));
  }
  for (Tags tags : {Tags{{"http.status_code", std::int64_t{404}}, {"span.kind", "server"}}, Tags{{"http.status_code", "x"}}, Tags{{"error", "true"}}}) {
    std::string out = translated({.tags = tags});
    CAPTURE(out);
    CHECK_FALSE(has(out, R"("code")"));
  }
}

TEST_CASE("jaeger: a repeated tag counts once, the last value wins, also in long lists") {
  Tags tags;
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < 100; ++i) tags.emplace_back("k" + std::to_string(i), std::int64_t{round * 1000 + i});
  std::string out = translated({.tags = tags});
  CHECK(has(out, R"({"key":"k7","value":{"intValue":"2007"}})"));
  CHECK_FALSE(has(out, R"("1007")"));
}

TEST_CASE("jaeger: protobuf batches know scopes, trace states and a process of each span") {
  auto tag = [](Writer& out, std::uint32_t field, std::string_view key, std::string_view value) {
    std::size_t mark = out.size();
    out.bytes(3, value), out.bytes(1, key);
    out.close(field, mark);
  };
  Writer out;
  std::size_t request = out.size();
  auto process = [&](std::uint32_t field, std::string_view name) {
    std::size_t mark = out.size();
    tag(out, 2, "zone", "z"), out.bytes(1, name);
    out.close(field, mark);
  };
  process(2, "shop");
  auto span = [&](std::string_view name, bool own) {
    std::size_t mark = out.size();
    if (own) process(10, "cart");
    tag(out, 8, "otel.scope.version", "1.2"), tag(out, 8, "w3c.tracestate", "a=b"), tag(out, 8, "otel.scope.name", "lib");
    std::size_t time = out.size();
    out.number(2, 5), out.number(1, 10), out.close(7, time);
    time = out.size();
    out.number(2, 7), out.number(1, 1'700'000'000), out.close(6, time);
    out.bytes(3, name), out.bytes(2, "12345678"), out.bytes(1, "1234567812345678");
    out.close(1, mark);
  };
  span("two", true), span("one", false);
  out.close(1, request);
  Charge charge;
  std::string json = json_of(jaeger::from_post_spans(out.view(), charge));
  CAPTURE(json);
  CHECK(has(json, R"({"stringValue":"shop"})"));
  CHECK(has(json, R"({"stringValue":"cart"})"));
  CHECK(has(json, R"("scope":{"name":"lib","version":"1.2"})"));
  CHECK(has(json, R"("traceState":"a=b")"));
  CHECK(has(json, R"("startTimeUnixNano":"1700000000000000007","endTimeUnixNano":"1700000010000000012")"));
  CHECK_FALSE(has(json, "otel.scope"));
}

TEST_CASE("jaeger: what is no batch is invalid, and one that would not fit is refused") {
  Charge none;
  CHECK(jaeger::from_post_spans("\xFF\xFF", none).error().code == Errc::invalid);
  CHECK(jaeger::from_thrift(Protocol::binary, "nonsense", none).error().code == Errc::invalid);
  CHECK(jaeger::from_datagram(Protocol::compact, "\x82\x81", none).error().code == Errc::invalid);

  // One span with a million empty logs of one byte each: about 80 MB decoded.
  thrift::testing::Writer out(Protocol::compact);
  out.begin().structs(2, 1).begin().integer(3, 3).structs(11, 1'000'000);
  std::string bomb = out.bytes() + std::string(1'000'000, '\0') + std::string(2, '\0');
  Budget budget(8 * 1024 * 1024);
  Charge charge = budget.empty_charge();
  auto result = jaeger::from_thrift(Protocol::compact, bomb, charge);
  REQUIRE_FALSE(result);
  CHECK(result.error().code == Errc::refused);
}

namespace {

constexpr std::string_view rich_request = R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},{"key":"host.name","value":{"stringValue":"h"}}]},
  "scopeSpans":[{"scope":{"name":"lib","version":"1"},"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","parentSpanId":"1102030405060708",
  "name":"get","kind":3,"traceState":"a=b","flags":1,"startTimeUnixNano":"1700000000000001500","endTimeUnixNano":"1700000000000251500",
  "attributes":[{"key":"b","value":{"boolValue":true}},{"key":"i","value":{"intValue":"-5"}},{"key":"d","value":{"doubleValue":1.5}},{"key":"s","value":{"stringValue":"x"}},{"key":"y","value":{"bytesValue":"AQI="}}],
  "events":[{"timeUnixNano":"1700000000000002000","name":"ev","attributes":[{"key":"n","value":{"intValue":"2"}}]}],
  "links":[{"traceId":"1102030405060708090a0b0c0d0e0f10","spanId":"2102030405060708","attributes":[{"key":"opentracing.ref_type","value":{"stringValue":"child_of"}}]},
           {"traceId":"2102030405060708090a0b0c0d0e0f10","spanId":"3102030405060708"}],
  "status":{"code":2,"message":"boom"}}]}]}]})";

std::string written(std::string_view request, jaeger::Format format) {
  auto batch = weir::testing::batch_of(request);
  auto& group = batch.groups()[0];
  auto& arena = batch.arena();
  std::string out = jaeger::write_span(format, group.resource.read(arena), group.scopes[0].scope.read(arena), group.scopes[0].items[0].read<otlp::Span>(arena));
  batch.settle({});
  return out;
}

}  // namespace

TEST_CASE("jaeger: an OTLP span is written and read back, in protobuf and in JSON") {
  Charge charge;
  std::string proto = json_of(jaeger::from_proto_span(written(rich_request, jaeger::Format::proto), charge));
  std::string json = json_of(jaeger::from_json_span(written(rich_request, jaeger::Format::json), charge));
  CHECK(proto == json);
  CAPTURE(proto);
  for (std::string_view part : {R"({"key":"service.name","value":{"stringValue":"shop"}},{"key":"host.name","value":{"stringValue":"h"}})", R"("scope":{"name":"lib","version":"1"})",
                                R"("traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","traceState":"a=b","parentSpanId":"1102030405060708")", R"("name":"get","kind":3)",
                                R"("startTimeUnixNano":"1700000000000001500","endTimeUnixNano":"1700000000000251500")", R"({"key":"b","value":{"boolValue":true}})", R"({"key":"i","value":{"intValue":"-5"}})",
                                R"({"key":"d","value":{"doubleValue":1.5}})", R"({"key":"y","value":{"bytesValue":"AQI="}})", R"("name":"ev","attributes":[{"key":"n","value":{"intValue":"2"}}])",
                                R"({"traceId":"1102030405060708090a0b0c0d0e0f10","spanId":"2102030405060708","attributes":[{"key":"opentracing.ref_type","value":{"stringValue":"child_of"}}]})",
                                R"({"traceId":"2102030405060708090a0b0c0d0e0f10","spanId":"3102030405060708","attributes":[{"key":"opentracing.ref_type","value":{"stringValue":"follows_from"}}]})",
                                R"("status":{"message":"boom","code":2})"})
    CHECK_MESSAGE(proto.find(part) != proto.npos, part);
}

TEST_CASE("jaeger: a span as protobuf's JSON mapping has it") {
  std::string out = written(rich_request, jaeger::Format::json);
  CAPTURE(out);
  for (std::string_view part : {R"({"traceId":"AQIDBAUGBwgJCgsMDQ4PEA==","spanId":"AQIDBAUGBwg=","operationName":"get","references":[{"traceId":"AQIDBAUGBwgJCgsMDQ4PEA==","spanId":"EQIDBAUGBwg="},)",
                                R"("flags":1,"startTime":"2023-11-14T22:13:20.000001500Z","duration":"0.000250s")", R"({"key":"b","vType":"BOOL","vBool":true},{"key":"i","vType":"INT64","vInt64":"-5"},{"key":"d","vType":"FLOAT64","vFloat64":1.5},{"key":"s","vStr":"x"},{"key":"y","vType":"BINARY","vBinary":"AQI="})",
                                R"("process":{"serviceName":"shop","tags":[{"key":"host.name","vStr":"h"}]})"})
    CHECK_MESSAGE(out.find(part) != out.npos, part);
}

TEST_CASE("jaeger: JSON that is no span is refused") {
  Charge charge;
  for (std::string_view bad : {"", "[]", "{", R"({"traceId":"*"})", R"({"traceId":"AQIDBAUGBwgJCgsMDQ4PEBE="})", R"({"startTime":"yesterday"})", R"({"startTime":"2023-13-14T22:13:20Z"})", R"({"duration":"1"})",
                               R"({"tags":[1]})", R"({"tags":{}})", R"({"tags":[{"vType":"OTHER"}]})", R"({"tags":[{"vType":"INT64","vInt64":"x"}]})", R"({"logs":[{"timestamp":1}]})"}) {
    CAPTURE(bad);
    auto result = jaeger::from_json_span(bad, charge);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == Errc::invalid);
  }
  std::string old = json_of(jaeger::from_json_span(R"({"trace_id":"AAAAAAAAAAAAAAAAAAAAAQ==","start_time":"2023-11-14T23:13:20.5+01:00","duration":"-1.5s","tags":[{"key":"k","v_type":2,"v_int64":7}]})", charge));
  CHECK(old.find(R"("startTimeUnixNano":"1700000000500000000","endTimeUnixNano":"1699999999000000000")") != old.npos);
  CHECK(old.find(R"({"key":"k","value":{"intValue":"7"}})") != old.npos);
}
