#include "components/shared/stanza/record_writer.h"

#include <doctest/doctest.h>

#include "components/shared/stanza/plain_record.h"
#include "otlp/batch.h"
#include "otlp/json.h"

using namespace weir;
using namespace weir::stanza;

namespace {

// The same by the general encoder.
std::string encoded(const Entry& entry) {
  otlp::LogRecord record;
  if (entry.has_time) record.time_unix_nano = static_cast<std::uint64_t>(entry.time);
  record.observed_time_unix_nano = entry.observed;
  record.severity_number = entry.severity;
  record.severity_text = entry.severity_text.empty() ? severity_name(entry.severity) : entry.severity_text;
  record.body = entry.body;
  record.attributes = entry.attributes;
  record.trace_id = otlp::TraceId::from(entry.trace_id);
  record.span_id = otlp::SpanId::from(entry.span_id);
  if (!entry.trace_flags.empty()) record.flags = static_cast<unsigned char>(entry.trace_flags[0]);
  otlp::Writer out;
  otlp::encode(record, out);
  out.close(2, 0);
  return std::string(out.view());
}

std::string json_of(RecordWriter& writer) {
  std::size_t items = writer.records();
  auto batch = otlp::Batch::parse(otlp::Signal::logs, writer.take());
  REQUIRE(batch.has_value());
  CHECK(batch->items() == items);
  return otlp::to_json(*batch);
}

}  // namespace

TEST_CASE("plain records: the bytes of the general encoder") {
  Arena arena;
  std::string large(300, 'x');
  std::vector<Value> values = {Value(), Value::of(std::string_view("")), Value::of(std::string_view("abc")), Value::of(std::string_view(large)), Value::of(true), Value::of(false),
                               Value::of(std::int64_t{-1}), Value::of(std::int64_t{300}), Value::of(0.5), Value::of_bytes("\xff")};
  for (auto& body : values) {
    for (auto& value : values) {
      Entry entry;
      entry.body = body;
      entry.attributes.push_back(arena, {"key", value});
      entry.attributes.push_back(arena, {"", body});
      std::string out = "before";
      REQUIRE(append_plain_record(entry, out));
      CHECK(out == "before" + encoded(entry));
    }
  }
  Entry all;
  all.time = 5, all.has_time = true, all.observed = 6, all.severity = 9;
  all.trace_id = "0123456789abcdef", all.span_id = "01234567", all.trace_flags = "\x01";
  std::string out;
  REQUIRE(append_plain_record(all, out));
  CHECK(out == encoded(all));
}

TEST_CASE("plain records: nested values and text that is not UTF-8 are left to the general encoder") {
  Arena arena;
  std::string line = "a\xc3\xa9z", out;
  Entry entry;
  entry.checked = line;
  for (auto [at, size, valid] : {std::tuple(0, 4, true), std::tuple(1, 2, true), std::tuple(0, 2, false), std::tuple(2, 2, false), std::tuple(3, 1, true)}) {
    entry.body = Value::of(std::string_view(line).substr(static_cast<std::size_t>(at), static_cast<std::size_t>(size)));
    CHECK(append_plain_record(entry, out) == valid);
  }
  entry.body = Value::of(std::string_view("\xff"));  // elsewhere
  CHECK(!append_plain_record(entry, out));
  entry.body = Value::of(arena.make<Attributes>());
  CHECK(!append_plain_record(entry, out));
}

TEST_CASE("record writer: a text that stands where an equal one stood is compared again once it may have changed") {
  Arena arena;
  RecordWriter writer;
  std::string text = "aaaa";
  auto emit = [&] {
    Entry entry;
    entry.resource.push_back(arena, {"k", Value::of(std::string_view(text))});
    entry.body = Value::of(std::string_view("x"));
    writer.emit(entry);
  };
  writer.unchanging(text);
  emit(), emit(), emit();
  text = "bbbb";  // the same place
  writer.unchanging(text);
  emit(), emit();
  writer.unchanging({});
  text = "aaaa";
  emit();
  auto batch = otlp::Batch::parse(otlp::Signal::logs, writer.take());
  REQUIRE(batch);
  REQUIRE(batch->groups().size() == 2);
  CHECK(batch->groups()[0].scopes[0].items.size() == 4);
  CHECK(batch->groups()[1].scopes[0].items.size() == 2);
  batch->settle({});
}

TEST_CASE("record writer: requests of one group and of several") {
  RecordWriter writer;
  Arena arena;
  auto emit = [&](std::string_view pod, std::string_view body) {
    Entry entry;
    entry.body = Value::of(body);
    if (!pod.empty()) entry.resource.push_back(arena, {"pod", Value::of(pod)});
    writer.emit(entry);
  };
  for (int round = 0; round < 2; ++round) {
    emit("a", "1");
    emit("a", "2");
    CHECK(json_of(writer) ==
          R"({"resourceLogs":[{"resource":{"attributes":[{"key":"pod","value":{"stringValue":"a"}}]},"scopeLogs":[{"scope":{},"logRecords":[{"body":{"stringValue":"1"}},{"body":{"stringValue":"2"}}]}]}]})");
    emit("", "1");
    emit("b", "2");
    emit("", "3");
    CHECK(json_of(writer) ==
          R"({"resourceLogs":[{"resource":{},"scopeLogs":[{"scope":{},"logRecords":[{"body":{"stringValue":"1"}},{"body":{"stringValue":"3"}}]}]},{"resource":{"attributes":[{"key":"pod","value":{"stringValue":"b"}}]},"scopeLogs":[{"scope":{},"logRecords":[{"body":{"stringValue":"2"}}]}]}]})");
  }
  CHECK(writer.take().empty());
}
