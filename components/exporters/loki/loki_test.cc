#include <doctest/doctest.h>

#include "components/exporters/loki/answer.h"
#include "components/exporters/loki/translate.h"
#include "otlp/json.h"

using namespace weir;
using namespace weir::exporters::loki;

namespace {

otlp::Batch batch_of(std::string_view resource, std::string_view record, std::string_view scope = "{}") {
  auto bytes = otlp::json_to_protobuf(otlp::Signal::logs, fmt::format(R"({{"resourceLogs":[{{"resource":{{"attributes":{}}},"scopeLogs":[{{"scope":{},"logRecords":[{}]}}]}}]}})",
                                                                      resource, scope, record));
  REQUIRE(bytes.has_value());
  auto batch = otlp::Batch::parse(otlp::Signal::logs, std::move(*bytes));
  REQUIRE(batch.has_value());
  return std::move(*batch);
}

// "tenant labels line", of a batch with one record.
std::string pushed(std::string_view resource, std::string_view record, std::string_view scope = "{}", DefaultLabels labels = {}) {
  auto batch = batch_of(resource, record, scope);
  Translated counts;
  auto tenants = streams_of(batch, labels, {}, 7, counts);
  if (tenants.empty()) return fmt::format("unlabelled {} unformatted {}", counts.unlabelled, counts.unformatted);
  auto& [tenant, streams] = *tenants.begin();
  auto& [text, entries] = *streams.begin();
  return fmt::format("{}{} {} @{}", tenant.empty() ? "" : tenant + " ", text, entries[0].line, entries[0].time);
}

constexpr std::string_view res = R"([{"key":"service.name","value":{"stringValue":"api"}},{"key":"k8s.pod.name","value":{"stringValue":"p-1"}}])";

}  // namespace

TEST_CASE("loki: labels and lines, case by case") {
  CHECK(pushed(res, R"({"timeUnixNano":"5","body":{"stringValue":"hi"}})") ==
        R"({exporter="OTLP", job="api"} {"body":"hi","resources":{"k8s.pod.name":"p-1","service.name":"api"}} @5)");
  // Hints, on resource and record; what became a label is not in the line.
  CHECK(pushed(R"([{"key":"loki.resource.labels","value":{"stringValue":"k8s.pod.name, none"}},{"key":"k8s.pod.name","value":{"stringValue":"p"}}])",
               R"({"observedTimeUnixNano":"6","body":{"stringValue":"x"},"attributes":[{"key":"loki.attribute.labels","value":{"stringValue":"user"}},{"key":"user","value":{"intValue":"3"}}]})") ==
        R"({exporter="OTLP", k8s_pod_name="p", user="3"} {"body":"x"} @6)");
  // Levels keep their number.
  CHECK(pushed("[]", R"({"severityNumber":14,"severityText":"Warning","body":{"stringValue":"x"}})") == R"({exporter="OTLP", level="WARN2"} {"body":"x","severity":"Warning"} @7)");
  CHECK(pushed("[]", R"({"severityNumber":9,"body":{"stringValue":"x"},"attributes":[{"key":"level","value":{"stringValue":"notice"}}]})") ==
        R"({exporter="OTLP", level="notice"} {"body":"x"} @7)");
  CHECK(pushed("[]", R"({"body":{"stringValue":"x"},"attributes":[{"key":"level","value":{"stringValue":"notice"}}]})") ==
        R"({exporter="OTLP"} {"body":"x","attributes":{"level":"notice"}} @7)");
  // Go's escaping, trace ids, flags, scope, sorted keys.
  CHECK(pushed("[]", R"({"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708","flags":1,"body":{"kvlistValue":{"values":[{"key":"b","value":{"doubleValue":1.5}},{"key":"a","value":{"stringValue":"<&>"}}]}}})",
               R"({"name":"s","version":"1"})") ==
        R"({exporter="OTLP"} {"body":{"a":"\u003c\u0026\u003e","b":1.5},"traceid":"0102030405060708090a0b0c0d0e0f10","spanid":"0102030405060708","flags":1,"instrumentation_scope":{"name":"s","version":"1"}} @7)");
}

TEST_CASE("loki: tenants and formats") {
  CHECK(pushed(R"([{"key":"loki.tenant","value":{"stringValue":"team"}},{"key":"team","value":{"stringValue":"blue"}}])", R"({"body":{"stringValue":"x"}})") ==
        R"(blue {exporter="OTLP"} {"body":"x"} @7)");
  CHECK(pushed(R"([{"key":"loki.format","value":{"stringValue":"logfmt"}},{"key":"a","value":{"stringValue":"b c"}}])", R"({"body":{"stringValue":"x=1 y=\"2 3\""},"severityText":"INFO"})") ==
        R"({exporter="OTLP"} x=1 y="2 3" severity=INFO resource_a="b c" @7)");
  CHECK(pushed(R"([{"key":"loki.format","value":{"stringValue":"logfmt"}}])", R"({"body":{"stringValue":"broken \"text"}})") == R"({exporter="OTLP"} msg="broken \"text" @7)");
  CHECK(pushed(R"([{"key":"loki.format","value":{"stringValue":"raw"}}])", R"({"body":{"stringValue":"as it is"}})") == R"({exporter="OTLP"} as it is @7)");
  CHECK(pushed(R"([{"key":"loki.format","value":{"stringValue":"xml"}}])", R"({"body":{"stringValue":"x"}})") == "unlabelled 0 unformatted 1");
  CHECK(pushed("[]", R"({"body":{"stringValue":"x"}})", "{}", {false, false, false, false}) == "unlabelled 1 unformatted 0");
}

TEST_CASE("loki: how many entries an answer says were ignored") {
  CHECK(ignored_entries("entry with timestamp 2024 ignored, reason: 'entry too far behind' for stream: {a=\"b\"},\ntotal ignored: 12 out of 300") == 12u);
  CHECK(!ignored_entries("at least one label pair is required per stream"));
  CHECK(!ignored_entries("total ignored: many"));
}
