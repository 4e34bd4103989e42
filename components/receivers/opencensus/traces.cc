// Spans. Rules that are not obvious are those of the Go collector's translator, 0.128.
#include "components/receivers/opencensus/translate.h"
#include "components/receivers/opencensus/wire.h"

namespace weir::receivers::opencensus {
namespace {

using otlp::Span;
using otlp::Value;

// Shorter ids are filled up with zeros behind, longer ones cut.
template <class Id>
Id id_of(std::string_view bytes) {
  Id out;
  std::ranges::copy(bytes.substr(0, out.bytes.size()), out.bytes.begin());
  return out;
}

// AttributeValue: string_value = 1, int_value = 2, bool_value = 3, double_value = 4.
Result<Value> read_value(std::string_view message) {
  Value out = Value::of(std::string_view("<Unknown OpenCensus attribute value type>"));
  WEIR_TRY(walk(message, [&](Reader& in) -> Result<bool> {
    if (is_bytes(in, 1)) {
      WEIR_ASSIGN(std::string_view text, read_text(in.bytes()));
      return out = Value::of(text), true;
    }
    if (is_varint(in, 2)) return out = Value::of(static_cast<std::int64_t>(in.varint())), true;
    if (is_varint(in, 3)) return out = Value::of(in.varint() != 0), true;
    if (is_real(in, 4)) return out = Value::of(in.real()), true;
    return false;
  }));
  return out;
}

// Attributes: attribute_map = 1, dropped_attributes_count = 2.
Result<> read_attributes(std::string_view message, Scratch& scratch, otlp::Attributes& out, std::uint32_t& dropped) {
  AttributeSetter setter(scratch, out);
  return walk(message, [&](Reader& in) -> Result<bool> {
    if (is_varint(in, 2)) return dropped = static_cast<std::uint32_t>(in.varint()), true;
    if (!is_bytes(in, 1)) return false;
    WEIR_ASSIGN(Entry entry, read_entry(in.bytes()));
    WEIR_ASSIGN(Value value, read_value(entry.value));
    return taken(setter.set(entry.key, value));
  });
}

// Tracestate: entries = 1, each key = 1 and value = 2; joined as W3C has it.
Result<> read_trace_state(std::string_view message, Scratch& scratch, std::string_view& out) {
  std::string text;
  WEIR_TRY(walk(message, [&](Reader& in) -> Result<bool> {
    if (!is_bytes(in, 1)) return false;
    WEIR_ASSIGN(Entry entry, read_entry(in.bytes()));
    if (!text.empty()) text += ',';
    text.append(entry.key).append("=").append(entry.value);
    return true;
  }));
  if (!scratch.take(text.size())) return fail(no_room());
  out = scratch.arena().copy(text);
  return {};
}

// Annotation: description = 1, attributes = 2.
Result<> read_annotation(std::string_view message, Scratch& scratch, Span::Event& event) {
  return walk(message, [&](Reader& in) -> Result<bool> {
    if (is_bytes(in, 1)) {
      WEIR_ASSIGN(event.name, read_text(in.bytes()));
      return true;
    }
    if (!is_bytes(in, 2)) return false;
    WEIR_TRY(read_attributes(in.bytes(), scratch, event.attributes, event.dropped_attributes_count));
    return true;
  });
}

// MessageEvent: type = 1, id = 2, uncompressed_size = 3, compressed_size = 4.
Result<> read_message_event(std::string_view message, Scratch& scratch, Span::Event& event) {
  std::array<std::uint64_t, 4> numbers{};
  WEIR_TRY(walk(message, [&](Reader& in) -> Result<bool> {
    if (in.field() < 1 || in.field() > 4 || !in.is(WireType::varint)) return false;
    numbers[in.field() - 1] = in.varint();
    return true;
  }));
  constexpr std::array<std::string_view, 3> types{"TYPE_UNSPECIFIED", "SENT", "RECEIVED"};
  std::string_view type;
  if (numbers[0] < types.size()) {
    type = types[numbers[0]];
  } else {
    std::string text = std::to_string(static_cast<std::int32_t>(numbers[0]));
    if (!scratch.take(text.size())) return fail(no_room());
    type = scratch.arena().copy(text);
  }
  event.name = "message";
  auto add = [&](std::string_view key, const Value& value) { return scratch.push(event.attributes, {key, value}); };
  auto number = [&](std::size_t i) { return Value::of(static_cast<std::int64_t>(numbers[i])); };
  bool room = add("message.type", Value::of(type)) && add("messaging.message_id", number(1)) && add("messaging.message_payload_size_bytes", number(2)) &&
              add("messaging.message_payload_compressed_size_bytes", number(3));
  if (!room) return fail(no_room());
  return {};
}

// TimeEvent: time = 1, annotation = 2, message_event = 3.
Result<> read_event(std::string_view message, Scratch& scratch, Span& span) {
  Span::Event event;
  std::uint64_t time = 0;
  event.name = "An unknown OpenCensus TimeEvent type was detected when translating";
  WEIR_TRY(walk(message, [&](Reader& in) -> Result<bool> {
    if (is_bytes(in, 1)) {
      WEIR_ASSIGN(time, read_time(in.bytes()));
      return true;
    }
    if (!is_bytes(in, 2) && !is_bytes(in, 3)) return false;
    event = {};  // of two the last one counts
    if (in.field() == 2) WEIR_TRY(read_annotation(in.bytes(), scratch, event));
    else WEIR_TRY(read_message_event(in.bytes(), scratch, event));
    return true;
  }));
  event.time_unix_nano = time;
  if (!scratch.push(span.events, event)) return fail(no_room());
  return {};
}

// TimeEvents: time_event = 1, dropped_annotations_count = 2, dropped_message_events_count = 3.
Result<> read_events(std::string_view message, Scratch& scratch, Span& span) {
  std::uint32_t annotations = 0, messages = 0;
  WEIR_TRY(walk(message, [&](Reader& in) -> Result<bool> {
    if (is_varint(in, 2)) return annotations = static_cast<std::uint32_t>(in.varint()), true;
    if (is_varint(in, 3)) return messages = static_cast<std::uint32_t>(in.varint()), true;
    if (!is_bytes(in, 1)) return false;
    WEIR_TRY(read_event(in.bytes(), scratch, span));
    return true;
  }));
  span.dropped_events_count = annotations + messages;
  return {};
}

// Link: trace_id = 1, span_id = 2, attributes = 4, tracestate = 5.
Result<> read_link(std::string_view message, Scratch& scratch, Span& span) {
  Span::Link link;
  WEIR_TRY(walk(message, [&](Reader& in) -> Result<bool> {
    if (is_bytes(in, 1)) return link.trace_id = id_of<otlp::TraceId>(in.bytes()), true;
    if (is_bytes(in, 2)) return link.span_id = id_of<otlp::SpanId>(in.bytes()), true;
    if (is_bytes(in, 4)) {
      WEIR_TRY(read_attributes(in.bytes(), scratch, link.attributes, link.dropped_attributes_count));
      return true;
    }
    if (!is_bytes(in, 5)) return false;
    WEIR_TRY(read_trace_state(in.bytes(), scratch, link.trace_state));
    return true;
  }));
  if (!scratch.push(span.links, link)) return fail(no_room());
  return {};
}

// Links: link = 1, dropped_links_count = 2.
Result<> read_links(std::string_view message, Scratch& scratch, Span& span) {
  return walk(message, [&](Reader& in) -> Result<bool> {
    if (is_varint(in, 2)) return span.dropped_links_count = static_cast<std::uint32_t>(in.varint()), true;
    if (!is_bytes(in, 1)) return false;
    WEIR_TRY(read_link(in.bytes(), scratch, span));
    return true;
  });
}

// Takes an attribute out; false: there is none.
bool take(otlp::Attributes& attributes, std::string_view key, Value& value) {
  const Value* found = attributes.find(key);
  if (found == nullptr) return false;
  value = *found;
  return attributes.remove(key);
}

// Kinds that OpenCensus does not have are told by an attribute.
std::int32_t kind_of(std::uint64_t kind, otlp::Attributes& attributes) {
  if (kind == 1) return Span::server;
  if (kind == 2) return Span::client;
  const Value* told = attributes.find("span.kind");
  if (kind != 0 || told == nullptr || !told->is(otlp::ValueType::string)) return Span::unspecified;
  constexpr std::pair<std::string_view, std::int32_t> kinds[] = {{"consumer", Span::consumer}, {"producer", Span::producer}, {"internal", Span::internal}};
  Value word;
  for (auto& [name, value] : kinds)
    if (told->text == name) return take(attributes, "span.kind", word), value;
  return Span::unspecified;
}

// Status: code = 1, message = 2. Every code but 0 is an error, unless an attribute says otherwise.
Result<> read_status(std::string_view message, Span& span) {
  std::uint64_t code = 0;
  WEIR_TRY(walk(message, [&](Reader& in) -> Result<bool> {
    if (is_varint(in, 1)) return code = in.varint(), true;
    if (is_bytes(in, 2)) return span.status_message = in.bytes(), true;
    return false;
  }));
  span.status_code = static_cast<std::int32_t>(code) == 0 ? Span::unset : Span::error;
  if (Value told; take(span.attributes, "otel.status_code", told)) span.status_code = told.is(otlp::ValueType::integer) ? static_cast<std::int32_t>(told.integer) : 0;
  return {};
}

// What stands in a span in any order, but is translated in one.
struct Late {
  std::optional<std::string_view> status;
  std::optional<bool> same_process;
  std::uint64_t kind = 0;
};

Result<bool> read_field(Reader& in, Scratch& scratch, Span& span, Late& late) {
  if (is_varint(in, 14)) return late.kind = in.varint(), true;
  if (!in.is(WireType::bytes)) return false;
  std::uint32_t field = in.field();
  std::string_view part = in.bytes();
  switch (field) {
    case 1: span.trace_id = id_of<otlp::TraceId>(part); break;
    case 2: span.span_id = id_of<otlp::SpanId>(part); break;
    case 3: span.parent_span_id = id_of<otlp::SpanId>(part); break;
    case 4: {
      WEIR_ASSIGN(span.name, read_text(part));
      break;
    }
    case 5: {
      WEIR_ASSIGN(span.start_time_unix_nano, read_time(part));
      break;
    }
    case 6: {
      WEIR_ASSIGN(span.end_time_unix_nano, read_time(part));
      break;
    }
    case 7: WEIR_TRY(read_attributes(part, scratch, span.attributes, span.dropped_attributes_count)); break;
    case 9: WEIR_TRY(read_events(part, scratch, span)); break;
    case 10: WEIR_TRY(read_links(part, scratch, span)); break;
    case 11: late.status = part; break;
    case 12: {
      WEIR_ASSIGN(std::uint64_t same, read_number(part));
      late.same_process = same != 0;
      break;
    }
    case 15: WEIR_TRY(read_trace_state(part, scratch, span.trace_state)); break;
    default: break;
  }
  return true;
}

}  // namespace

Result<> read_span(std::string_view message, Scratch& scratch, Span& span) {
  Late late;
  WEIR_TRY(walk(message, [&](Reader& in) { return read_field(in, scratch, span, late); }));
  span.kind = kind_of(late.kind, span.attributes);
  if (late.status) WEIR_TRY(read_status(*late.status, span));
  if (late.same_process && !AttributeSetter(scratch, span.attributes).set("opencensus.same_process_as_parent_span", Value::of(*late.same_process)))
    return fail(no_room());
  return {};
}

}  // namespace weir::receivers::opencensus
