#include "components/shared/jaeger/jaeger.h"

#include <doctest/doctest.h>

#include "components/shared/thrift/testing.h"
#include "otlp/batch.h"
#include "otlp/json.h"

using namespace weir;
using otlp::Writer;
using thrift::Protocol;
using thrift::Type;

namespace {

std::string json_of(const Result<Bytes>& request) {
  REQUIRE_MESSAGE(request.has_value(), request.error().what);
  auto batch = otlp::Batch::parse(otlp::Signal::traces, *request);
  REQUIRE_MESSAGE(batch.has_value(), batch.error().what);
  std::string out = otlp::to_json(*batch);
  batch->settle({});
  return out;
}

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
