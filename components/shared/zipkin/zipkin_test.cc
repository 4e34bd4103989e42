#include "components/shared/zipkin/zipkin.h"

#include <doctest/doctest.h>

#include "components/shared/thrift/testing.h"
#include "components/shared/trace_writer/testing.h"
#include "components/shared/zipkin/span_writer.h"

using namespace weir;
using weir::testing::json_of;

namespace {

std::string v2(std::string_view json, bool parse_tags = false) {
  Charge charge;
  return json_of(zipkin::from_json_v2(json, parse_tags, charge));
}

std::string v1(std::string_view json) {
  Charge charge;
  return json_of(zipkin::from_json_v1(json, false, 5, charge));
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

std::size_t count(const std::string& text, std::string_view part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("zipkin: protobuf with ids of no bytes, or too many") {
  for (std::size_t bytes : {0, 17}) {
    otlp::Writer out;
    std::size_t span = out.size();
    out.bytes(3, std::string(bytes, 'x')), out.bytes(2, ""), out.bytes(1, "");
    out.close(1, span);
    Charge charge;
    CHECK(zipkin::from_proto_v2(out.view(), false, charge).error().code == Errc::invalid);
  }
}

TEST_CASE("zipkin: a JSON span of version 2 becomes a span of its local service") {
  std::string out = v2(R"([{"traceId":"1234567812345678","id":"1","parentId":"a","name":"get","kind":"CLIENT","timestamp":1700000000000001,"duration":250,
    "localEndpoint":{"serviceName":"shop","ipv4":"10.0.0.1","port":80},"remoteEndpoint":{"serviceName":"db","ipv6":"::1","port":5432},
    "annotations":[{"timestamp":1700000000000002,"value":"retry"},{"timestamp":1700000000000003,"value":"ev|{\"n\":2,\"x\":1.5,\"t\":\"a|b\"}|4"}],
    "tags":{"k":"12","otel.scope.name":"lib","otel.scope.version":"1","w3c.tracestate":"a=b","host.name":"h",
            "otlp.link.0":"0102030405060708090a0b0c0d0e0f10|0102030405060708|s=t|{\"q\":true}|1"}}])");
  CAPTURE(out);
  CHECK(has(out, R"({"key":"service.name","value":{"stringValue":"shop"}},{"key":"host.name","value":{"stringValue":"h"}})"));
  CHECK(has(out, R"("scope":{"name":"lib","version":"1"})"));
  CHECK(has(out, R"("traceId":"00000000000000001234567812345678","spanId":"0000000000000001","traceState":"a=b","parentSpanId":"000000000000000a","name":"get","kind":3)"));
  CHECK(has(out, R"("startTimeUnixNano":"1700000000000001000","endTimeUnixNano":"1700000000000251000")"));
  CHECK(has(out, R"({"key":"k","value":{"stringValue":"12"}})"));
  CHECK(has(out, R"({"key":"network.local.address","value":{"stringValue":"10.0.0.1"}})"));
  CHECK(has(out, R"({"key":"network.peer.address","value":{"stringValue":"::1"}})"));
  CHECK(has(out, R"({"key":"net.peer.port","value":{"intValue":"5432"}})"));
  CHECK(has(out, R"({"key":"service.peer.name","value":{"stringValue":"db"}})"));
  CHECK(has(out, R"("name":"retry")"));
  CHECK(has(out, R"("name":"ev","attributes":[{"key":"n","value":{"intValue":"2"}},{"key":"x","value":{"doubleValue":1.5}},{"key":"t","value":{"stringValue":"a|b"}}],"droppedAttributesCount":4)"));
  CHECK(has(out, R"("links":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","traceState":"s=t","attributes":[{"key":"q","value":{"boolValue":true}}],"droppedAttributesCount":1)"));
}

TEST_CASE("zipkin: status, kind and absent times") {
  auto with = [](std::string_view members) { return v2(fmt::format(R"([{{"traceId":"1","id":"1"{}}}])", members)); };
  CHECK(has(with(R"(,"tags":{"error":"true"})"), R"("status":{"code":2})"));
  CHECK_FALSE(has(with(R"(,"tags":{"error":"true"})"), "\"error\""));
  CHECK(has(with(R"(,"tags":{"error":"boom"})"), R"({"key":"error","value":{"stringValue":"boom"}})"));
  CHECK(has(with(R"(,"tags":{"otel.status_code":"Ok","otel.status_description":"d"})"), R"("status":{"message":"d","code":1})"));
  CHECK(has(with(R"(,"tags":{"span.kind":"internal"})"), R"("kind":1)"));
  CHECK(has(with(""), R"("key":"otel.zipkin.absentField.startTime")"));
  CHECK_FALSE(has(with(R"(,"parentId":"1")"), "parentSpanId"));  // its own parent
}

TEST_CASE("zipkin: tags are parsed when asked for") {
  std::string out = v2(R"([{"traceId":"1","id":"1","tags":{"a":"-5","b":"1.25","c":"true","d":"1.","e":"","f":"99999999999999999999"}}])", true);
  CAPTURE(out);
  CHECK(has(out, R"({"key":"a","value":{"intValue":"-5"}})"));
  CHECK(has(out, R"({"key":"b","value":{"doubleValue":1.25}})"));
  CHECK(has(out, R"({"key":"c","value":{"boolValue":true}})"));
  CHECK(has(out, R"({"key":"d","value":{"stringValue":"1."}})"));
  CHECK(has(out, R"({"key":"f","value":{"intValue":"9223372036854775807"}})"));
}

TEST_CASE("zipkin: spans are grouped by service and what they say of the resource") {
  std::string out = v2(R"([{"traceId":"1","id":"1","localEndpoint":{"serviceName":"a"},"tags":{"host.name":"x"}}, null,
    {"traceId":"1","id":"2","localEndpoint":{"serviceName":"b"}},{"traceId":"1","id":"3","localEndpoint":{"serviceName":"a"},"tags":{"host.name":"x"}},
    {"traceId":"1","id":"4","localEndpoint":{"serviceName":"a"},"tags":{"host.name":"y"}}])");
  CAPTURE(out);
  CHECK(count(out, "\"resource\"") == 3);
  CHECK(count(out, "\"spanId\"") == 4);
}

TEST_CASE("zipkin: protobuf of version 2") {
  otlp::Writer out;
  std::size_t span = out.size();
  std::size_t mark = out.size();
  out.bytes(2, "v"), out.bytes(1, "k"), out.close(11, mark);
  mark = out.size();
  out.bytes(2, "note"), out.fixed64(1, 5), out.close(10, mark);
  mark = out.size();
  out.number(4, 80), out.bytes(2, std::string_view("\x0A\0\0\x01", 4)), out.bytes(1, "shop"), out.close(8, mark);
  out.number(7, 3), out.fixed64(6, 2), out.bytes(5, "GET"), out.number(4, 2), out.bytes(3, "12345678"), out.bytes(1, "1234567812345678");
  out.close(1, span);
  Charge charge;
  std::string json = json_of(zipkin::from_proto_v2(out.view(), false, charge));
  CAPTURE(json);
  CHECK(has(json, R"("stringValue":"shop")"));
  CHECK(has(json, R"("kind":2,"startTimeUnixNano":"2000","endTimeUnixNano":"5000")"));
  CHECK(has(json, R"({"key":"network.local.address","value":{"stringValue":"10.0.0.1"}})"));
  CHECK(has(json, R"("events":[{"timeUnixNano":"5000","name":"note"}])"));
}

TEST_CASE("zipkin: version 1 finds kind, times and service in the annotations") {
  std::string out = v1(R"([{"traceId":"0000000000000001","id":"0000000000000002","parentId":"0000000000000003","name":"n",
    "annotations":[{"timestamp":10,"value":"sr","endpoint":{"serviceName":"shop","ipv4":"1.2.3.4","port":80}},{"timestamp":15,"value":"mid"},
                   {"timestamp":30,"value":"ss","endpoint":{"serviceName":"shop"}}],
    "binaryAnnotations":[{"key":"http.status_code","value":"500"},{"key":"lc","value":"comp"},{"key":"k","value":"v"}]}])");
  CAPTURE(out);
  CHECK(has(out, R"({"key":"service.name","value":{"stringValue":"shop"}},{"key":"ipv4","value":{"stringValue":"1.2.3.4"}},{"key":"port","value":{"stringValue":"80"}})"));
  CHECK(has(out, R"("kind":2,"startTimeUnixNano":"10000","endTimeUnixNano":"30000")"));
  CHECK(has(out, R"("events":[{"timeUnixNano":"15000","name":"mid"}])"));
  CHECK(has(out, R"({"key":"component","value":{"stringValue":"comp"}})"));
  CHECK(has(out, R"("status":{"code":2})"));
  CHECK(has(v1(R"([{"traceId":"0000000000000001","id":"0000000000000002","timestamp":1,"binaryAnnotations":[{"key":"lc","value":"job"}]}])"), R"("stringValue":"job")"));
}

TEST_CASE("zipkin: version 1 in Thrift") {
  thrift::testing::Writer out(thrift::Protocol::binary);
  out.begin().integer(1, 1).string(3, "n").integer(4, 2).structs(6, 1).begin().integer(1, 10).string(2, "cs");
  out.structure(3).begin().integer(1, 0x0A000001, thrift::Type::i32).integer(2, 80, thrift::Type::i16).string(3, "shop").end().end();
  out.structs(8, 2).begin().string(1, "n").string(2, std::string("\0\0\0\7", 4)).integer(3, 3, thrift::Type::i32).end();
  out.begin().string(1, "b").string(2, "\1").integer(3, 0, thrift::Type::i32).end().integer(10, 10).integer(11, 5).end();
  std::string list = std::string("\x0C\0\0\0\1", 5) + out.bytes();
  Charge charge;
  std::string json = json_of(zipkin::from_thrift_v1(list, charge));
  CAPTURE(json);
  CHECK(has(json, R"({"key":"ipv4","value":{"stringValue":"10.0.0.1"}})"));
  CHECK(has(json, R"("kind":3,"startTimeUnixNano":"10000","endTimeUnixNano":"15000")"));
  CHECK(has(json, R"({"key":"n","value":{"intValue":"7"}})"));
  CHECK(has(json, R"({"key":"b","value":{"boolValue":true}})"));
}

TEST_CASE("zipkin: protobuf without a time began in 1970, and says nothing about it") {
  otlp::Writer out;
  std::size_t span = out.size();
  out.bytes(3, "12345678"), out.bytes(1, "87654321");
  out.close(1, span);
  Charge charge;
  std::string json = json_of(zipkin::from_proto_v2(out.view(), false, charge));
  CAPTURE(json);
  CHECK(has(json, R"("traceId":"00000000000000003837363534333231","spanId":"3132333435363738")"));
  CHECK_FALSE(has(json, "absentField"));
}

TEST_CASE("zipkin: addresses are written in the usual way") {
  auto address = [](std::string_view text) {
    return v2(fmt::format(R"([{{"traceId":"1","id":"1","localEndpoint":{{"ipv6":"{}"}}}}])", text));
  };
  CHECK(has(address("2001:DB8:0:0:1::0"), R"("2001:db8:0:0:1::"})"));
  CHECK(has(address("::ffff:1.2.3.4"), R"("1.2.3.4"})"));
  CHECK(has(address("::0102:0304"), R"("::102:304"})"));
  CHECK(has(address("0:0:0:0:0:0:0:0"), R"("::"})"));
  CHECK(has(address("1:0:2:0:3:0:4:0"), R"("1:0:2:0:3:0:4:0"})"));
  CHECK(has(address("255.0.10.1"), R"("255.0.10.1"})"));
}

TEST_CASE("zipkin: members that the Go collector refuses are refused") {
  Charge charge;
  for (std::string_view bad : {R"("localEndpoint":{"ipv4":"10.0.0.256"})", R"("localEndpoint":{"ipv4":"10.0.0.01"})", R"("localEndpoint":{"ipv4":"1.2.3"})",
                               R"("localEndpoint":{"ipv6":"fe80::1%eth0"})", R"("remoteEndpoint":{"port":65536})", R"("remoteEndpoint":{"port":-1})", R"("timestamp":-1)",
                               R"("duration":1.5)", R"("debug":"x")", R"("shared":1)", R"("traceId":"")", R"("annotations":[{"value":"x"}])", R"("annotations":{})", R"("tags":[])", R"("tags":"x")"}) {
    CAPTURE(bad);
    CHECK_FALSE(zipkin::from_json_v2(fmt::format(R"([{{"traceId":"1","id":"1",{}}}])", bad), false, charge));
  }
  CHECK(zipkin::from_json_v2(R"([{"traceId":"1","id":"1","tags":null,"annotations":null,"localEndpoint":null,"timestamp":null,"parentId":null}])", false, charge));
}

TEST_CASE("zipkin: a tag that names the service counts for more than the local endpoint") {
  std::string out = v2(R"([{"traceId":"1","id":"1","localEndpoint":{"serviceName":"a"},"tags":{"service.name":"b"}}])");
  CHECK(has(out, R"("resource":{"attributes":[{"key":"service.name","value":{"stringValue":"b"}}]})"));
  CHECK(count(out, "service.name") == 1);
  CHECK(v2(" null ") == v2("[]"));
}

TEST_CASE("zipkin: a list is cut at the brackets that no text has") {
  std::string text = R"(}]\"{[)" + std::string(100, ']') + std::string(64, '\\') + R"(\\\"}])";
  std::string list = fmt::format(R"([{{"traceId":"1","id":"1","name":"{0}"}},{{"traceId":"1","id":"2","name":"{0}","tags":{{"a":"{0}"}}}} , null])", text);
  for (std::size_t spaces = 0; spaces < 70; ++spaces) CHECK(count(v2(std::string(spaces, ' ') + list), "\"spanId\"") == 2);
}

TEST_CASE("zipkin: what is no list of spans is refused, never half taken") {
  Charge charge;
  for (std::string_view bad : {"", "{}", "[", "[{}]", "[1]", "[{\"traceId\":\"x\",\"id\":\"1\"}]", "[{\"traceId\":\"1\",\"id\":\"1\"}", "[{\"traceId\":\"1\",\"id\":\"1\"}] x",
                               "[{\"traceId\":\"1\",\"id\":\"1\"} {\"traceId\":\"1\",\"id\":\"1\"}]", "[{\"traceId\":\"1\",\"id\":\"1\",\"tags\":{\"a\":1}}]", "[}]", "[\"", "[]]"}) {
    CAPTURE(bad);
    auto result = zipkin::from_json_v2(bad, false, charge);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == Errc::invalid);
  }
  CHECK(v2("[]") == v2(" [ ] "));
  Budget budget(1024 * 1024);
  Charge small = budget.empty_charge();
  std::string large = R"([{"traceId":"1","id":"1","tags":{"k":")" + std::string(200'000, 'x') + R"("}}])";
  CHECK(zipkin::from_json_v2(large, false, small).error().code == Errc::refused);
}

namespace {

std::string written(std::string_view request, zipkin::Format format) {
  auto batch = weir::testing::batch_of(request);
  std::size_t invalid = 0;
  auto list = zipkin::to_zipkin(batch, format, invalid);
  CHECK(invalid == 0);
  batch.settle({});
  return std::string(list->view());
}

constexpr std::string_view rich_request = R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"Shop"}},{"key":"host.name","value":{"stringValue":"h"}}]},
  "scopeSpans":[{"scope":{"name":"lib","version":"1"},"spans":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","parentSpanId":"1102030405060708",
  "name":"get","kind":3,"traceState":"a=b","startTimeUnixNano":"1700000000000001500","endTimeUnixNano":"1700000000000251500",
  "attributes":[{"key":"network.local.address","value":{"stringValue":"10.0.0.1"}},{"key":"net.host.port","value":{"intValue":"80"}},
    {"key":"service.peer.name","value":{"stringValue":"db"}},{"key":"network.peer.address","value":{"stringValue":"::1"}},{"key":"net.peer.port","value":{"intValue":"5432"}},
    {"key":"list","value":{"arrayValue":{"values":[{"intValue":"1"},{"stringValue":"<"}]}}}],
  "events":[{"timeUnixNano":"1700000000000002000","name":"retry"},{"timeUnixNano":"1700000000000003000","name":"ev","attributes":[{"key":"n","value":{"intValue":"2"}}],"droppedAttributesCount":4}],
  "links":[{"traceId":"1102030405060708090a0b0c0d0e0f10","spanId":"2102030405060708","traceState":"s=t","attributes":[{"key":"q","value":{"boolValue":true}}],"droppedAttributesCount":1}],
  "status":{"code":2,"message":"boom"}}]}]}]})";

}  // namespace

TEST_CASE("zipkin: an OTLP span as JSON") {
  std::string out = written(rich_request, zipkin::Format::json);
  CAPTURE(out);
  CHECK(has(out, R"([{"traceId":"0102030405060708090a0b0c0d0e0f10","id":"0102030405060708","parentId":"1102030405060708","name":"get","kind":"CLIENT","timestamp":1700000000000002,"duration":250,)"));
  CHECK(has(out, R"("localEndpoint":{"serviceName":"shop","ipv4":"10.0.0.1","port":80},"remoteEndpoint":{"serviceName":"db","ipv6":"::1","port":5432})"));
  CHECK(has(out, R"("annotations":[{"timestamp":1700000000000002,"value":"retry"},{"timestamp":1700000000000003,"value":"ev|{\"n\":2}|4"}])"));
  for (std::string_view tag : {R"("host.name":"h")", R"("otel.library.name":"lib")", R"("otel.library.version":"1")", R"("w3c.tracestate":"a=b")", R"("error":"true")",
                               R"("otel.status_code":"STATUS_CODE_ERROR")", R"("otel.status_description":"boom")", R"("list":"[1,\"<\"]")",
                               R"("otlp.link.0":"1102030405060708090a0b0c0d0e0f10|2102030405060708|s=t|{\"q\":true}|1")"})
    CHECK_MESSAGE(has(out, tag), tag);
  CHECK_FALSE(has(out, "service.name"));
  CHECK_FALSE(has(out, "net.host.port"));
}

TEST_CASE("zipkin: what is written is read back") {
  Charge charge;
  std::string json = v2(written(rich_request, zipkin::Format::json));
  std::string proto = json_of(zipkin::from_proto_v2(written(rich_request, zipkin::Format::proto), false, charge));
  for (auto& out : {json, proto}) {
    CAPTURE(out);
    for (std::string_view part : {R"("scope":{"name":"lib","version":"1"})", R"("traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","traceState":"a=b","parentSpanId":"1102030405060708","name":"get","kind":3)",
                                  R"({"key":"host.name","value":{"stringValue":"h"}})", R"({"key":"network.local.address","value":{"stringValue":"10.0.0.1"}})", R"({"key":"net.peer.port","value":{"intValue":"5432"}})",
                                  R"("status":{"message":"boom","code":2})", R"("name":"ev","attributes":[{"key":"n","value":{"intValue":"2"}}],"droppedAttributesCount":4)",
                                  R"("links":[{"traceId":"1102030405060708090a0b0c0d0e0f10","spanId":"2102030405060708","traceState":"s=t","attributes":[{"key":"q","value":{"boolValue":true}}],"droppedAttributesCount":1)"})
      CHECK_MESSAGE(has(out, part), part);
  }
}

TEST_CASE("zipkin: services that a resource does not name, and names of old conventions") {
  auto request = [](std::string_view resource, std::string_view span) {
    return written(fmt::format(R"({{"resourceSpans":[{{"resource":{{"attributes":[{}]}},"scopeSpans":[{{"spans":[{{"traceId":"0000000000000000090a0b0c0d0e0f10","spanId":"0102030405060708"{}}}]}}]}}]}})", resource, span),
                   zipkin::Format::json);
  };
  CHECK(request("", "") == R"([{"traceId":"090a0b0c0d0e0f10","id":"0102030405060708","localEndpoint":{"serviceName":"otlpresourcenoservicename"}}])");
  CHECK(has(request(R"({"key":"faas.name","value":{"stringValue":"f"}})", ""), R"("localEndpoint":{"serviceName":"f"},"tags":{"otlp.service.name.source":"faas.name"})"));
  std::string old = request("", R"(,"attributes":[{"key":"peer.service","value":{"stringValue":"db"}},{"key":"net.peer.ip","value":{"stringValue":"1.2.3.4"}},{"key":"net.host.ip","value":{"stringValue":"no address"}}])");
  CAPTURE(old);
  CHECK(has(old, R"("remoteEndpoint":{"serviceName":"db","ipv4":"1.2.3.4"},"tags":{"net.host.ip":"no address"})"));
  CHECK(has(request("", R"(,"startTimeUnixNano":"1000000000","endTimeUnixNano":"1000000001")"), R"("timestamp":1000000,"duration":1,)"));
  CHECK_FALSE(has(request("", R"(,"startTimeUnixNano":"2000000000","endTimeUnixNano":"1000000000")"), "duration"));
  CHECK(has(request("", R"(,"attributes":[{"key":"error","value":{"stringValue":"x"}},{"key":"http.response.status_code","value":{"intValue":"200"}}])"), R"("tags":{"http.status_code":"200","http.response.status_code":"200"})"));
}
