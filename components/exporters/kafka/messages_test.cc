#include "components/exporters/kafka/messages.h"

#include <doctest/doctest.h>

#include "components/shared/trace_writer/testing.h"
#include "engine/testing.h"

using namespace weir;
using namespace weir::exporters::kafka;
using engine::testing::make_traces;
using weir::testing::batch_of;

namespace {

std::size_t items_in(const Message& message, otlp::Signal signal = otlp::Signal::traces) {
  auto batch = otlp::Batch::parse(signal, message.value);
  REQUIRE(batch);
  return batch->items();
}

otlp::Batch spans(std::size_t n, std::size_t traces, std::size_t text = 10) {
  std::vector<engine::testing::SpanSpec> specs;
  for (std::size_t i = 0; i < n; ++i)
    specs.push_back({.trace = static_cast<std::uint8_t>(1 + i % traces), .span = static_cast<std::uint8_t>(i + 1), .name = std::string(text, 'x')});
  return make_traces(specs);
}

}  // namespace

TEST_CASE("kafka: a batch is one message, and goes as it came") {
  auto batch = spans(3, 2);
  auto messages = messages_of(batch, {.topic = "t"});
  REQUIRE(messages.list.size() == 1);
  CHECK(messages.single);
  CHECK(messages.list[0].topic == "t");
  CHECK_FALSE(messages.list[0].key);
  CHECK(items_in(messages.list[0]) == 3);
  batch.settle({});
}

TEST_CASE("kafka: what is too long is cut between items, single items that are too long are named") {
  auto batch = spans(20, 20, 300);
  auto messages = messages_of(batch, {.topic = "t", .max_bytes = 1000});
  std::size_t total = 0;
  for (auto& message : messages.list) {
    CHECK(message.value.size() <= 1000);
    total += items_in(message);
  }
  CHECK(total == 20);
  CHECK(messages.too_large == 0);
  std::vector<bool> chosen(messages.list.size());
  chosen[0] = true;
  auto rest = items_of(batch, messages, chosen);
  CHECK(rest.items() == items_in(messages.list[0]));
  auto none = messages_of(batch, {.topic = "t", .max_bytes = 100});
  CHECK(none.list.empty());
  CHECK(none.too_large == 20);
  batch.settle({});
}

TEST_CASE("kafka: a message for each trace, with its id as the key") {
  auto batch = spans(10, 3);
  auto messages = messages_of(batch, {.topic = "t", .by_trace = true});
  REQUIRE(messages.list.size() == 3);
  CHECK(messages.list[0].key->size() == 32);
  CHECK(messages.list[0].key != messages.list[1].key);
  CHECK(items_in(messages.list[0]) + items_in(messages.list[1]) + items_in(messages.list[2]) == 10);
  std::vector<bool> chosen{false, true, false};
  auto second = items_of(batch, messages, chosen);
  CHECK(second.items() == items_in(messages.list[1]));
  batch.settle({});
}

TEST_CASE("kafka: resources have equal keys whatever the order of their attributes, and may name the topic") {
  auto resource = [](std::string_view attributes) {
    return fmt::format(R"({{"resource":{{"attributes":[{}]}},"scopeLogs":[{{"logRecords":[{{"body":{{"stringValue":"x"}}}}]}}]}})", attributes);
  };
  std::string a = R"({"key":"a","value":{"stringValue":"1"}})", b = R"({"key":"b","value":{"intValue":"2"}})", t = R"({"key":"topic","value":{"stringValue":"own"}})";
  auto batch = batch_of(fmt::format(R"({{"resourceLogs":[{},{},{}]}})", resource(a + "," + b), resource(b + "," + a), resource(a + "," + t)), otlp::Signal::logs);
  auto messages = messages_of(batch, {.topic = "t", .topic_from_attribute = "topic", .by_resource = true});
  REQUIRE(messages.list.size() == 2);
  CHECK(items_in(messages.list[0], otlp::Signal::logs) == 2);
  CHECK(messages.list[0].topic == "t");
  CHECK(messages.list[0].key->size() == 16);
  CHECK(messages.list[1].topic == "own");
  batch.settle({});
}

TEST_CASE("kafka: metadata of the request names topic and key") {
  auto batch = spans(2, 1);
  auto context = std::make_shared<otlp::Context>();
  context->metadata["x-topic"] = {"from-header"};
  context->metadata["x-key"] = {"k"};
  batch.context = context;
  auto messages = messages_of(batch, {.topic = "t", .topic_from_metadata_key = "X-Topic", .key_from_metadata_key = "x-key"});
  REQUIRE(messages.list.size() == 1);
  CHECK(messages.list[0].topic == "from-header");
  CHECK(messages.list[0].key == "k");
  batch.settle({});
}

TEST_CASE("kafka: Jaeger has a message for each span, raw one for each body") {
  auto batch = spans(4, 2);
  auto messages = messages_of(batch, {.encoding = Encoding::jaeger_proto, .topic = "t"});
  CHECK(messages.list.size() == 4);
  CHECK(messages.message_of == std::vector<std::uint32_t>{0, 1, 2, 3});
  batch.settle({});
  auto logs = batch_of(R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"a"}},{"body":{"bytesValue":"AQI="}},{},{"body":{"intValue":"7"}},
    {"body":{"kvlistValue":{"values":[{"key":"k","value":{"boolValue":true}}]}}}]}]}]})", otlp::Signal::logs);
  auto raw = messages_of(logs, {.encoding = Encoding::raw, .topic = "t"});
  REQUIRE(raw.list.size() == 4);
  CHECK(raw.without_form == 1);
  CHECK(raw.list[0].value.view() == "\"a\"");
  CHECK(raw.list[1].value.view() == "\1\2");
  CHECK(raw.list[2].value.view() == "7");
  CHECK(raw.list[3].value.view() == R"({"k":true})");
  logs.settle({});
}

TEST_CASE("kafka: a resource is in many messages if each span or trace is one, or if it leaves little room") {
  auto batch = spans(3, 2);
  for (auto encoding : {Encoding::jaeger_proto, Encoding::jaeger_json, Encoding::zipkin_json, Encoding::zipkin_proto}) CHECK(repeats_resources(batch, {.encoding = encoding}));
  CHECK_FALSE(repeats_resources(batch, {.encoding = Encoding::otlp_proto}));
  CHECK_FALSE(repeats_resources(batch, {.encoding = Encoding::raw, .by_trace = true}));
  CHECK(repeats_resources(batch, {.encoding = Encoding::otlp_json, .by_trace = true}));
  auto large = batch_of(fmt::format(R"({{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"k","value":{{"stringValue":"{}"}}}}]}},"scopeSpans":[{{"spans":[{{}}]}}]}}]}})", std::string(1000, 'x')));
  CHECK(repeats_resources(large, {.max_bytes = 1200}));
  CHECK_FALSE(repeats_resources(large, {.max_bytes = 2000}));
  batch.settle({}), large.settle({});
}

TEST_CASE("kafka exporter: old and new settings, and encodings that a signal does not have") {
  Config config;
  CHECK(config.topic_of(otlp::Signal::traces) == "otlp_spans");
  CHECK(config.topic_of(otlp::Signal::logs) == "otlp_logs");
  config.signals.topic = "old";
  config.signals.logs.topic = "own";
  CHECK(config.topic_of(otlp::Signal::traces) == "old");
  CHECK(config.topic_of(otlp::Signal::logs) == "own");
  config.signals.encoding = Encoding::jaeger_proto;
  CHECK(check(config, otlp::Signal::traces));
  CHECK(check(config, otlp::Signal::metrics).error().what == "unrecognized metrics encoding \"jaeger_proto\"");
  config.signals.logs.encoding = Encoding::raw;
  CHECK(check(config, otlp::Signal::logs));
}
