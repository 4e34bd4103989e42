#include <doctest/doctest.h>

#include "ottl/testing.h"

namespace weir::ottl {
namespace {

TEST_CASE("set_semconv_span_name") {
  struct {
    std::int32_t kind;
    std::vector<std::pair<std::string_view, std::string_view>> attributes;
    std::string_view name;
  } const rows[] = {
      {otlp::Span::server, {{"http.request.method", "GET"}, {"http.route", "/a/:id"}}, "GET /a/:id"},
      {otlp::Span::server, {{"http.method", "POST"}}, "POST"},
      {otlp::Span::client, {{"http.request.method", "GET"}, {"http.route", "/a"}, {"url.template", "/b"}}, "GET /b"},
      {otlp::Span::server, {{"rpc.system", "grpc"}, {"rpc.service", "S"}, {"rpc.method", "M"}}, "S/M"},
      {otlp::Span::server, {{"rpc.system", "grpc"}, {"rpc.service", "S"}}, "S/*"},
      {otlp::Span::client, {{"rpc.system", "grpc"}}, "grpc"},
      {otlp::Span::client, {{"db.system", "mysql"}, {"db.operation", "SELECT"}, {"db.name", "shop"}, {"db.collection.name", "t"}}, "SELECT shop.t"},
      {otlp::Span::client, {{"db.system", "mysql"}, {"server.address", "h"}, {"server.port", "1"}}, "h:1"},
      {otlp::Span::client, {{"db.system", "mysql"}, {"db.query.summary", "sum"}}, "sum"},
      {otlp::Span::producer, {{"messaging.system", "kafka"}, {"messaging.operation.name", "send"}, {"messaging.destination.name", "q"}}, "send q"},
      {otlp::Span::consumer, {{"messaging.system", "kafka"}}, "kafka"},
      {otlp::Span::internal, {{"http.request.method", "GET"}}, "before"},
      {otlp::Span::server, {}, "before"},
  };
  for (auto& row : rows) {
    CAPTURE(row.name);
    Bench b(ContextId::span, {.caller = Callers::transform});
    b.span.name = "before";
    b.span.kind = row.kind;
    for (auto& [key, value] : row.attributes) b.set(b.span.attributes, key, value);
    CHECK(b.run({R"(set_semconv_span_name("1.37.0", "was"))"}) == "");
    CHECK(b.span.name == row.name);
    auto* was = b.span.attributes.find("was");
    CHECK((was != nullptr) == (row.name != "before"));
    if (was != nullptr) CHECK(was->text == "before");
  }
  Bench b(ContextId::span, {.caller = Callers::transform});
  for (std::string version : {"1.36.0", "1.41.0", "one", "1.40.1", "1.37.0-rc1", ""}) {
    CAPTURE(version);
    CHECK(b.run({fmt::format("set_semconv_span_name(\"{}\")", version)}).starts_with("config: "));
  }
  CHECK(b.run({R"(set_semconv_span_name("v1.40"))"}) == "");
  CHECK(b.run({R"(set_semconv_span_name("1.40.0", ""))"}).starts_with("config: "));
}

TEST_CASE("AdjustedCount: by the threshold, 1 without one or with a broken trace state") {
  struct {
    std::string_view state, count;
  } const rows[] = {{"", "1"}, {"ot=th:8", "2"}, {"vendor=x,ot=th:c;rv:ffffffffffffff", "4"}, {"ot=th:0", "1"}, {"ot=p:8", "1"}, {"ot=th:zz", "1"}, {"ot=th:ffffffffffffff", "72057594037927936"}};
  for (auto& row : rows) {
    CAPTURE(row.state);
    Bench b(ContextId::span, {.caller = Callers::metrics});
    b.span.trace_state = row.state;
    CHECK(b.test(fmt::format("AdjustedCount() == {}", row.count)) == "true");
  }
  CHECK(Bench(ContextId::span, {.caller = Callers::filter}).test("AdjustedCount() == 1").starts_with("config: "));
}

TEST_CASE("IsRootSpan") {
  Bench b(ContextId::span);
  CHECK(b.test("IsRootSpan()") == "true");
  b.span.parent_span_id.bytes[3] = 1;
  CHECK(b.test("IsRootSpan()") == "false");
  CHECK(Bench(ContextId::log).test("IsRootSpan()").starts_with("config: "));
}

}  // namespace
}  // namespace weir::ottl
