// jaeger.api_v2 in protobuf.
#include <boost/unordered/unordered_flat_map.hpp>

#include "components/shared/jaeger/jaeger.h"
#include "components/shared/jaeger/model.h"

namespace weir::jaeger {
namespace {

using otlp::Reader;
using otlp::Value;
using otlp::WireType;

Error malformed() { return {Errc::invalid, "not a Jaeger batch: malformed protobuf", {}}; }

// Walks a message: `on_field` reads the value, or returns false to have it skipped.
template <class OnField>
bool walk(std::string_view message, OnField on_field) {
  Reader in(message);
  while (in.next())
    if (!on_field(in)) in.skip();
  return in.ok();
}

bool is_bytes(const Reader& in, std::uint32_t field) { return in.field() == field && in.is(WireType::bytes); }
bool is_varint(const Reader& in, std::uint32_t field) { return in.field() == field && in.is(WireType::varint); }

// google.protobuf.Timestamp and Duration: seconds = 1, nanos = 2.
bool read_time(std::string_view message, std::uint64_t& nanoseconds) {
  std::uint64_t seconds = 0, nanos = 0;
  bool ok = walk(message, [&](Reader& in) {
    if (is_varint(in, 1)) return seconds = in.varint(), true;
    if (is_varint(in, 2)) return nanos = in.varint(), true;
    return false;
  });
  nanoseconds = seconds * 1'000'000'000 + nanos;  // wraps as the reference does
  return ok;
}

enum class ValueKind : std::uint64_t { string, boolean, integer, real, binary };

// KeyValue: key = 1, v_type = 2, one value each from 3 on.
bool read_tag(std::string_view message, Scratch& scratch, Tag& tag, bool& room) {
  std::uint64_t kind = 0;
  std::string_view text, binary;
  bool truth = false;
  std::int64_t integer = 0;
  double real = 0;
  bool ok = walk(message, [&](Reader& in) {
    if (is_bytes(in, 1)) return tag.key = in.bytes(), true;
    if (is_varint(in, 2)) return kind = in.varint(), true;
    if (is_bytes(in, 3)) return text = in.bytes(), true;
    if (is_varint(in, 4)) return truth = in.varint() != 0, true;
    if (is_varint(in, 5)) return integer = static_cast<std::int64_t>(in.varint()), true;
    if (in.field() == 6 && in.is(WireType::fixed64)) return real = in.real(), true;
    if (is_bytes(in, 7)) return binary = in.bytes(), true;
    return false;
  });
  switch (static_cast<ValueKind>(kind)) {
    case ValueKind::string: tag.value = Value::of(text); break;
    case ValueKind::boolean: tag.value = Value::of(truth); break;
    case ValueKind::integer: tag.value = Value::of(integer); break;
    case ValueKind::real: tag.value = Value::of(real); break;
    case ValueKind::binary: tag.value = Value::of_bytes(binary); break;
    default: {
      std::string words = fmt::format("<Unknown Jaeger TagType \"{}\">", static_cast<std::int32_t>(kind));
      room = scratch.take(words.size());
      if (room) tag.value = Value::of(scratch.arena().copy(words));
    }
  }
  return ok;
}

Result<> add_tag(Reader& in, Scratch& scratch, ArenaVector<Tag>& tags) {
  Tag tag;
  bool room = true;
  if (!read_tag(in.bytes(), scratch, tag, room)) return fail(malformed());
  if (!room || !scratch.push(tags, tag)) return fail(no_room());
  return {};
}

// Log: timestamp = 1, fields = 2.
Result<> add_log(std::string_view message, Scratch& scratch, ArenaVector<Log>& logs) {
  Log log;
  Reader in(message);
  while (in.next()) {
    if (is_bytes(in, 1)) {
      if (!read_time(in.bytes(), log.time_unix_nano)) return fail(malformed());
    } else if (is_bytes(in, 2)) {
      WEIR_TRY(add_tag(in, scratch, log.fields));
    } else {
      in.skip();
    }
  }
  if (!in.ok()) return fail(malformed());
  if (!scratch.push(logs, log)) return fail(no_room());
  return {};
}

// Ids of other lengths are what the reference's model makes of them: big-endian numbers in 16 and 8 bytes.
template <class Id>
Id id_of(std::string_view bytes) {
  Id out;
  auto n = static_cast<std::ptrdiff_t>(std::min(bytes.size(), out.bytes.size()));
  std::copy(bytes.end() - n, bytes.end(), out.bytes.end() - n);
  return out;
}

// SpanRef: trace_id = 1, span_id = 2, ref_type = 3.
Result<> add_reference(std::string_view message, Scratch& scratch, ArenaVector<Reference>& references) {
  Reference reference;
  bool ok = walk(message, [&](Reader& in) {
    if (is_bytes(in, 1)) return reference.trace_id = id_of<otlp::TraceId>(in.bytes()), true;
    if (is_bytes(in, 2)) return reference.span_id = id_of<otlp::SpanId>(in.bytes()), true;
    if (is_varint(in, 3)) return reference.child_of = in.varint() == 0, true;
    return false;
  });
  if (!ok) return fail(malformed());
  if (!scratch.push(references, reference)) return fail(no_room());
  return {};
}

// Span: see the field numbers below. `process`: its own one, which wins over the batch's.
Result<> read_span(std::string_view message, Scratch& scratch, Span& span, std::optional<std::string_view>& process) {
  std::uint64_t duration = 0;
  Reader in(message);
  while (in.next()) {
    bool bytes = in.is(WireType::bytes), ok = true;
    if (bytes && in.field() == 1) span.trace_id = id_of<otlp::TraceId>(in.bytes());
    else if (bytes && in.field() == 2) span.span_id = id_of<otlp::SpanId>(in.bytes());
    else if (bytes && in.field() == 3) span.name = in.bytes();
    else if (bytes && in.field() == 4) WEIR_TRY(add_reference(in.bytes(), scratch, span.references));
    else if (is_varint(in, 5)) span.sampled = (in.varint() & 1) != 0;
    else if (bytes && in.field() == 6) ok = read_time(in.bytes(), span.start_unix_nano);
    else if (bytes && in.field() == 7) ok = read_time(in.bytes(), duration);
    else if (bytes && in.field() == 8) WEIR_TRY(add_tag(in, scratch, span.tags));
    else if (bytes && in.field() == 9) WEIR_TRY(add_log(in.bytes(), scratch, span.logs));
    else if (bytes && in.field() == 10) process = in.bytes();
    else in.skip();
    if (!ok) return fail(malformed());
  }
  if (!in.ok()) return fail(malformed());
  span.end_unix_nano = span.start_unix_nano + duration;
  return {};
}

class BatchReader {
 public:
  explicit BatchReader(Charge& charge) : charge_(charge), scratch_(charge), writer_(charge) {}

  // Batch: spans = 1, process = 2, which may stand behind the spans.
  Result<> read(std::string_view batch) {
    std::string_view process;
    bool ok = walk(batch, [&](Reader& in) { return is_bytes(in, 2) ? (process = in.bytes(), true) : false; });
    if (!ok) return fail(malformed());
    Reader in(batch);
    while (in.next()) {
      if (is_bytes(in, 1)) WEIR_TRY(add(in.bytes(), process));
      else in.skip();
    }
    return {};
  }
  Result<> add(std::string_view message, std::string_view batch_process) {
    if (message.empty()) return {};
    scratch_.reset();
    Span span;
    std::optional<std::string_view> process;
    WEIR_TRY(read_span(message, scratch_, span, process));
    WEIR_ASSIGN(auto group, group_of(process.value_or(batch_process)));
    return add_span(writer_, group, scratch_, span, Dialect::proto);
  }

  Result<Bytes> finish() { return writer_.finish(); }

 private:
  // Process: service_name = 1, tags = 2. Spans with equal ones share a resource.
  Result<TraceWriter::Group> group_of(std::string_view process) {
    if (auto at = groups_.find(process); at != groups_.end()) return at->second;
    if (!charge_.grow(sizeof(*groups_.begin()) * 2)) return fail(no_room());
    std::string_view service;
    ArenaVector<Tag> tags;
    Reader in(process);
    while (in.next()) {
      if (is_bytes(in, 1)) service = in.bytes();
      else if (is_bytes(in, 2)) WEIR_TRY(add_tag(in, scratch_, tags));
      else in.skip();
    }
    if (!in.ok()) return fail(malformed());
    WEIR_ASSIGN(auto group, add_process(writer_, scratch_, service, tags));
    groups_.emplace(process, group);
    return group;
  }

  Charge& charge_;
  Scratch scratch_;
  TraceWriter writer_;
  boost::unordered_flat_map<std::string_view, TraceWriter::Group> groups_;
};

}  // namespace

Result<Bytes> from_proto(std::string_view batch, Charge& charge) {
  BatchReader reader(charge);
  WEIR_TRY(reader.read(batch));
  return reader.finish();
}

Result<Bytes> from_proto_span(std::string_view span, Charge& charge) {
  BatchReader reader(charge);
  WEIR_TRY(reader.add(span, {}));
  return reader.finish();
}

Result<Bytes> from_post_spans(std::string_view request, Charge& charge) {
  BatchReader reader(charge);
  Reader in(request);
  while (in.next()) {
    if (is_bytes(in, 1)) WEIR_TRY(reader.read(in.bytes()));
    else in.skip();
  }
  if (!in.ok()) return fail(malformed());
  return reader.finish();
}

}  // namespace weir::jaeger
