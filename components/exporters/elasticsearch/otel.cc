#include "components/exporters/elasticsearch/otel.h"

#include "base/text.h"
#include "components/exporters/elasticsearch/json.h"

namespace weir::exporters::elasticsearch::otel {
namespace {

using otlp::Attributes;
using otlp::Value;

class Writer {
 public:
  // Milliseconds, with the nanoseconds behind the point.
  void time(std::string_view key, std::uint64_t nanos) {
    append_key(out_, key);
    out_ += fmt::format("\"{}.{:06}\",", nanos / 1'000'000, nanos % 1'000'000);
  }
  void text(std::string_view key, std::string_view value) {
    if (value.empty()) return;
    append_key(out_, key);
    append_json_string(out_, value);
    out_ += ',';
  }
  void number(std::string_view key, std::uint64_t value) {
    if (value != 0) any_number(key, value);
  }
  void any_number(std::string_view key, std::uint64_t value) {
    append_key(out_, key);
    out_ += fmt::format("{},", value);
  }
  template <class Id>
  void id(std::string_view key, const Id& id) {
    if (!id.empty()) text(key, to_hex(id.view()));
  }
  void json(std::string_view key, std::string_view text) {
    append_key(out_, key);
    out_ += text;
    out_ += ',';
  }
  void begin(std::string_view key) {
    append_key(out_, key);
    out_ += '{';
  }
  void end() {
    drop_comma(out_);
    out_ += "},";
  }
  void stream(const Index& index) {
    if (!index.is_data_stream()) return;
    begin("data_stream");
    text("type", index.type), text("dataset", index.dataset), text("namespace", index.name_space);
    end();
  }
  void attributes(const Attributes& attributes, bool texts_for_maps = false) {
    bool any = std::ranges::any_of(attributes, [](auto& kv) { return !is_routing(kv.key); });
    if (!any) return;
    begin("attributes");
    for (auto& kv : attributes) {
      if (is_routing(kv.key) || is_half_of_place(attributes, kv)) continue;
      if (texts_for_maps && kv.value.is(otlp::ValueType::map)) text(kv.key, to_text(kv.value));
      else append_key(out_, kv.key), append_value(out_, kv.value), out_ += ',';
    }
    places(attributes);
    end();
  }
  void surroundings(const Surroundings& around, bool texts_for_maps = false) {
    begin("resource");
    text("schema_url", around.resource_schema);
    attributes(around.resource.attributes, texts_for_maps);
    number("dropped_attributes_count", around.resource.dropped_attributes_count);
    end();
    begin("scope");
    text("schema_url", around.scope_schema);
    text("name", around.scope.name), text("version", around.scope.version);
    attributes(around.scope.attributes, texts_for_maps);
    number("dropped_attributes_count", around.scope.dropped_attributes_count);
    end();
  }
  std::string& raw() { return out_; }
  std::string finish() {
    drop_comma(out_);
    return out_ + "}";
  }

 private:
  // Said elsewhere in the document, or only meant for this exporter.
  static bool is_routing(std::string_view key) {
    return key.starts_with("data_stream.") || key == "elasticsearch.mapping.hints" || key == "elasticsearch.mapping.mode" || key == "elasticsearch.document_id" ||
           key == "elasticsearch.ingest_pipeline" || key == "elasticsearch.index";
  }

  static constexpr std::string_view longitude = "geo.location.lon", latitude = "geo.location.lat";
  static bool ends_with_name(std::string_view key, std::string_view name) {
    return key.ends_with(name) && (key.size() == name.size() || key[key.size() - name.size() - 1] == '.');
  }
  static const Value* other_half(const Attributes& attributes, std::string_view key, std::string_view mine, std::string_view other) {
    std::string name = std::string(key.substr(0, key.size() - mine.size())) + std::string(other);
    const Value* value = attributes.find(name);
    return value != nullptr && value->is(otlp::ValueType::real) ? value : nullptr;
  }
  static bool is_half_of_place(const Attributes& attributes, const otlp::KeyValue& kv) {
    if (!kv.value.is(otlp::ValueType::real)) return false;
    if (ends_with_name(kv.key, longitude)) return other_half(attributes, kv.key, longitude, latitude) != nullptr;
    return ends_with_name(kv.key, latitude) && other_half(attributes, kv.key, latitude, longitude) != nullptr;
  }
  // Longitude and latitude become one geo point.
  void places(const Attributes& attributes) {
    for (auto& kv : attributes) {
      if (!kv.value.is(otlp::ValueType::real) || !ends_with_name(kv.key, longitude)) continue;
      const Value* north = other_half(attributes, kv.key, longitude, latitude);
      if (north == nullptr) continue;
      append_key(out_, kv.key.substr(0, kv.key.size() - std::string_view(".lon").size()));
      out_ += '[';
      append_real(out_, kv.value.real), out_ += ',', append_real(out_, north->real);
      out_ += "],";
    }
  }

  std::string out_ = "{";
};

std::string_view word_of(std::int32_t number, std::span<const std::string_view> words) {
  return number >= 0 && static_cast<std::size_t>(number) < words.size() ? words[static_cast<std::size_t>(number)] : std::string_view();
}
constexpr std::string_view kinds[] = {"Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"};
constexpr std::string_view statuses[] = {"Unset", "Ok", "Error"};

// Elasticsearch has no fields of mixed types: arrays are of objects, or inside of one.
void write_body(Writer& out, const Value& body) {
  if (body.is(otlp::ValueType::empty)) return;
  out.begin("body");
  Arena scratch;
  Value copy = body;
  if (body.is(otlp::ValueType::map)) {
    std::string json;
    append_value(json, body);
    out.json("structured", json);
  } else if (body.is(otlp::ValueType::array)) {
    bool objects = std::ranges::all_of(copy.array(scratch), [](auto& item) { return item.is(otlp::ValueType::map); });
    std::string json;
    append_value(json, body);
    out.json("structured", objects ? json : "{\"value\":" + json + "}");
  } else {
    std::string json;
    append_value(json, body.is(otlp::ValueType::string) ? body : Value::of(scratch.copy(to_text(body))));
    out.json("text", json);
  }
  out.end();
}

}  // namespace

std::string log(const Surroundings& around, const otlp::LogRecord& record, const Index& index) {
  Writer out;
  out.time("@timestamp", record.time_unix_nano ? record.time_unix_nano : record.observed_time_unix_nano);
  out.time("observed_timestamp", record.observed_time_unix_nano);
  out.stream(index);
  out.text("severity_text", record.severity_text);
  out.number("severity_number", static_cast<std::uint64_t>(std::max(0, record.severity_number)));
  out.id("trace_id", record.trace_id);
  out.id("span_id", record.span_id);
  out.attributes(record.attributes);
  out.number("dropped_attributes_count", record.dropped_attributes_count);
  std::string_view event = record.event_name;
  if (auto* name = record.attributes.find("event.name"); event.empty() && name != nullptr && name->is(otlp::ValueType::string)) event = name->text;
  out.text("event_name", event);
  out.surroundings(around);
  write_body(out, record.body);
  return out.finish();
}

std::string span(const Surroundings& around, const otlp::Span& span, const Index& index) {
  Writer out;
  out.time("@timestamp", span.start_time_unix_nano);
  out.stream(index);
  out.id("trace_id", span.trace_id);
  out.id("span_id", span.span_id);
  out.text("trace_state", span.trace_state);
  out.id("parent_span_id", span.parent_span_id);
  out.text("name", span.name);
  out.text("kind", word_of(span.kind, kinds));
  out.any_number("duration", span.end_time_unix_nano > span.start_time_unix_nano ? span.end_time_unix_nano - span.start_time_unix_nano : 0);
  out.attributes(span.attributes);
  out.number("dropped_attributes_count", span.dropped_attributes_count);
  out.number("dropped_events_count", span.dropped_events_count);
  out.raw() += "\"links\":[";
  for (auto& link : span.links) {
    out.raw() += '{';
    out.id("trace_id", link.trace_id), out.id("span_id", link.span_id);
    out.text("trace_state", link.trace_state);
    out.attributes(link.attributes);
    out.number("dropped_attributes_count", link.dropped_attributes_count);
    out.end();
  }
  drop_comma(out.raw());
  out.raw() += "],";
  out.number("dropped_links_count", span.dropped_links_count);
  out.begin("status");
  out.text("message", span.status_message);
  out.text("code", word_of(span.status_code, statuses));
  out.end();
  out.surroundings(around);
  return out.finish();
}

std::string event(const Surroundings& around, const otlp::Span& span, const otlp::Span::Event& event, const Index& index) {
  Writer out;
  out.time("@timestamp", event.time_unix_nano);
  out.stream(index);
  out.id("trace_id", span.trace_id);
  out.id("span_id", span.span_id);
  out.number("dropped_attributes_count", event.dropped_attributes_count);
  out.text("event_name", event.name);
  Arena arena;
  Attributes attributes;
  for (auto& kv : event.attributes) attributes.push_back(arena, kv);
  if (!event.name.empty()) attributes.set(arena, "event.name", Value::of(event.name));
  out.attributes(attributes);
  out.surroundings(around);
  return out.finish();
}

std::string points(const Surroundings& around, const otlp::DataPoint& first, std::string_view unit, std::string_view metrics, const Index& index) {
  Writer out;
  out.any_number("@timestamp", first.time_unix_nano / 1'000'000);
  if (first.start_time_unix_nano != 0) out.any_number("start_timestamp", first.start_time_unix_nano / 1'000'000);
  out.text("unit", unit);
  out.stream(index);
  out.attributes(first.attributes, true);
  out.surroundings(around, true);
  out.json("metrics", metrics);
  return out.finish();
}

}  // namespace weir::exporters::elasticsearch::otel
