#include <doctest/doctest.h>

#include "components/receivers/kafka/config.h"
#include "components/receivers/kafka/decode.h"
#include "components/receivers/kafka/offsets.h"
#include "components/shared/trace_writer/testing.h"
#include "config/yaml.h"

using namespace weir;
using namespace weir::receivers::kafka;

namespace {

std::string decoded(std::string_view encoding, std::string_view message, otlp::Signal signal = otlp::Signal::logs) {
  auto decoder = Decoder::make(signal, encoding);
  REQUIRE_MESSAGE(decoder.has_value(), decoder.error().what);
  Budget budget;
  Charge charge = budget.empty_charge();
  return weir::testing::json_of(decoder->decode(Bytes::copy_of(message), 7, budget, charge), signal);
}

Errc wrong(std::string_view encoding, std::string_view message) {
  auto decoder = Decoder::make(otlp::Signal::logs, encoding);
  Budget budget;
  Charge charge = budget.empty_charge();
  auto result = decoder->decode(Bytes::copy_of(message), 7, budget, charge);
  REQUIRE_FALSE(result);
  return result.error().code;
}

Config config_of(std::string_view yaml, std::string* error = nullptr) {
  config::Problems problems;
  auto value = config::parse_yaml(yaml);
  REQUIRE(value);
  auto config = config::decode<Config>(&*value, problems);
  if (error != nullptr) *error = problems.to_string();
  return config.value_or(Config{});
}

std::string property(const Config& config, std::string_view name) {
  std::string out = "-";
  for (auto& [key, value] : config.properties())
    if (key == name) out = value;
  return out;
}

}  // namespace

TEST_CASE("kafka receiver: the offset to commit is the first that is not settled") {
  Offsets offsets;
  for (std::int64_t offset : {5, 6, 9, 10}) offsets.read(offset);
  CHECK_FALSE(offsets.settle(6));
  CHECK_FALSE(offsets.settle(10));
  CHECK(offsets.settle(5) == 7);
  CHECK_FALSE(offsets.settle(7));  // was never read
  CHECK(offsets.settle(9) == 11);
  CHECK(offsets.all_settled());
  CHECK_FALSE(offsets.settle(9));
}

TEST_CASE("kafka receiver: encodings of logs") {
  CHECK(decoded("raw", "a\xff") == R"({"resourceLogs":[{"resource":{},"scopeLogs":[{"scope":{},"logRecords":[{"body":{"bytesValue":"Yf8="}}]}]}]})");
  CHECK(decoded("text", "hello") == R"({"resourceLogs":[{"resource":{},"scopeLogs":[{"scope":{},"logRecords":[{"observedTimeUnixNano":"7","body":{"stringValue":"hello"}}]}]}]})");
  CHECK(decoded("text_utf-16le", std::string_view("h\0\xe9\0", 4)).find(R"("stringValue":"hé")") != std::string::npos);
  CHECK(decoded("json", R"({"a":1,"b":[true,null,"x"],"c":{"d":1.5}})").find(
            R"("body":{"kvlistValue":{"values":[{"key":"a","value":{"doubleValue":1}},{"key":"b","value":{"arrayValue":{"values":[{"boolValue":true},{},{"stringValue":"x"}]}}},{"key":"c","value":{"kvlistValue":{"values":[{"key":"d","value":{"doubleValue":1.5}}]}}}]}})") !=
        std::string::npos);
  CHECK(wrong("json", "[1]") == Errc::invalid);
  CHECK(wrong("json", "{") == Errc::invalid);
  CHECK(wrong("json", R"({"a":)" + std::string(200, '[') + std::string(200, ']') + "}") == Errc::invalid);
  CHECK(wrong("otlp_json", "{]") == Errc::invalid);
  std::string json = R"({"resourceLogs":[{"resource":{},"scopeLogs":[{"scope":{},"logRecords":[{"body":{"stringValue":"x"}}]}]}]})";
  CHECK(decoded("otlp_json", json) == json);
}

TEST_CASE("kafka receiver: encodings that a signal does not have") {
  CHECK(Decoder::make(otlp::Signal::metrics, "jaeger_proto").error().what == "unrecognized metrics encoding \"jaeger_proto\"");
  CHECK_FALSE(Decoder::make(otlp::Signal::traces, "raw"));
  CHECK_FALSE(Decoder::make(otlp::Signal::logs, "text_klingon"));
  CHECK(Decoder::make(otlp::Signal::traces, "zipkin_thrift"));
}

TEST_CASE("kafka receiver: old and new settings") {
  Config old = config_of("{brokers: a:1, topic: t, encoding: jaeger_proto, auth: {plain_text: {username: u, password: p}}, default_fetch_size: 2000}");
  CHECK(old.topics_of(otlp::Signal::traces) == std::vector<std::string>{"t"});
  CHECK(old.encoding_of(otlp::Signal::traces) == "jaeger_proto");
  CHECK(property(old, "security.protocol") == "sasl_plaintext");
  CHECK(property(old, "sasl.mechanisms") == "PLAIN");
  CHECK(property(old, "fetch.message.max.bytes") == "2000");
  Config fresh = config_of("{brokers: ['a:1', 'b:2'], logs: {topics: [x, '^y.*'], exclude_topics: ['^yz'], encoding: text}, topic: other, tls: {insecure_skip_verify: true}, "
                           "auth: {sasl: {mechanism: SCRAM-SHA-256, username: u, password: p}}, group_rebalance_strategies: [range, roundrobin]}");
  CHECK(fresh.topics_of(otlp::Signal::logs) == std::vector<std::string>{"x", "^y.*"});
  CHECK(fresh.topics_of(otlp::Signal::metrics) == std::vector<std::string>{"other"});
  CHECK(Config().topics_of(otlp::Signal::traces) == std::vector<std::string>{"otlp_spans"});
  CHECK(property(fresh, "bootstrap.servers") == "a:1,b:2");
  CHECK(property(fresh, "security.protocol") == "sasl_ssl");
  CHECK(property(fresh, "enable.ssl.certificate.verification") == "false");
  CHECK(property(fresh, "topic.blacklist") == "^yz");
  CHECK(property(fresh, "partition.assignment.strategy") == "range,roundrobin");
  CHECK(property(Config(), "partition.assignment.strategy") == "cooperative-sticky");
  CHECK(property(config_of("{group_rebalance_strategies: [sticky]}"), "partition.assignment.strategy") == "cooperative-sticky");
  std::string error;
  config_of("{brokers: [], logs: {topics: [x], exclude_topics: [y]}, group_rebalance_strategy: nearest, auth: {sasl: {mechanism: AWS_MSK_IAM}}, error_backoff: {enabled: true, initial_interval: 5s, max_elapsed_time: 1s}}", &error);
  for (std::string_view part : {"brokers must be specified", "none of the topics is a regular expression", "\"nearest\" is not supported", "mechanism should be one of", "must not be less than 'initial_interval'"})
    CHECK_MESSAGE(error.find(part) != error.npos, error);
}
