// jaeger.thrift, in either protocol.
#include "components/shared/jaeger/jaeger.h"
#include "components/shared/jaeger/model.h"

namespace weir::jaeger {
namespace {

using otlp::Value;
using thrift::Field;
using thrift::Reader;
using thrift::Type;

Error malformed() { return {Errc::invalid, "not a Jaeger batch: malformed Thrift", {}}; }

bool is_integer(Type type) { return type == Type::byte || type == Type::i16 || type == Type::i32 || type == Type::i64; }

// The pieces of a Tag's value; v_type says which one counts.
struct TagParts {
  std::int64_t kind = 0, integer = 0;
  std::string_view text, binary;
  double real = 0;
  bool truth = false;
};

Value value_of(const TagParts& parts, Scratch& scratch) {
  switch (parts.kind) {
    case 0: return Value::of(parts.text);
    case 1: return Value::of(parts.real);
    case 2: return Value::of(parts.truth);
    case 3: return Value::of(parts.integer);
    case 4: return Value::of_bytes(parts.binary);
    default: {
      std::string words = "<Unknown Jaeger TagType \"<UNSET>\">";
      return scratch.take(words.size()) ? Value::of(scratch.arena().copy(words)) : Value();
    }
  }
}

class ThriftReader {
 public:
  ThriftReader(thrift::Protocol protocol, std::string_view bytes, Charge& charge)
      : bytes_(bytes), protocol_(protocol), scratch_(charge), writer_(charge) {}

  // Batch: process = 1, spans = 2. Clients write the process first; spans in front of it are passed over, and read in a second walk.
  Result<Bytes> read() {
    std::optional<TraceWriter::Group> group;
    bool spans_before = false;
    Reader in(protocol_, bytes_);
    Field field;
    while (in.next(field)) {
      bool is_spans = field.id == 2 && field.type == Type::list;
      if (field.id == 1 && field.type == Type::structure && !group) {
        WEIR_ASSIGN(group, read_process(in));
      } else if (is_spans && group) {
        WEIR_TRY(read_spans(in, *group));
      } else {
        spans_before |= is_spans;
        in.skip(field);
      }
    }
    if (!in.ok()) return fail(malformed());
    if (!group) {
      WEIR_ASSIGN(group, add_process(writer_, scratch_, {}, {}));
    }
    if (spans_before) WEIR_TRY(read_spans_before(*group));
    return writer_.finish();
  }

 private:
  // Those in front of the first process.
  Result<> read_spans_before(TraceWriter::Group group) {
    Reader in(protocol_, bytes_);
    Field field;
    while (in.next(field)) {
      if (field.id == 1 && field.type == Type::structure) return {};
      if (field.id == 2 && field.type == Type::list) WEIR_TRY(read_spans(in, group));
      else in.skip(field);
    }
    return {};
  }

  Result<> read_spans(Reader& in, TraceWriter::Group group) {
    thrift::List spans = in.list();
    if (spans.size > 0 && spans.type != Type::structure) return fail(malformed());
    for (std::uint32_t i = 0; i < spans.size; ++i) {
      scratch_.reset();
      Span span;
      WEIR_TRY(read_span(in, span));
      if (!is_blank(span)) WEIR_TRY(add_span(writer_, group, scratch_, span, Dialect::thrift));
    }
    return {};
  }

  static bool is_blank(const Span& span) {
    return span.trace_id.empty() && span.span_id.empty() && span.parent_span_id.empty() && span.name.empty() && !span.sampled &&
           span.start_unix_nano == 0 && span.end_unix_nano == 0 && span.references.empty() && span.tags.empty() && span.logs.empty();
  }

  // Calls `element` for each struct of a list.
  template <class Element>
  Result<> each(Reader& in, Element element) {
    thrift::List list = in.list();
    if (list.size > 0 && list.type != Type::structure) return fail(malformed());
    for (std::uint32_t i = 0; i < list.size; ++i) WEIR_TRY(element());
    if (!in.ok()) return fail(malformed());
    return {};
  }

  Result<TraceWriter::Group> read_process(Reader& in) {
    ArenaVector<Tag> tags;
    std::string_view service;
    Field field;
    while (in.next(field)) {
      if (field.id == 1 && field.type == Type::binary) service = in.binary();
      else if (field.id == 2 && field.type == Type::list) WEIR_TRY(each(in, [&] { return add_tag(in, tags); }));
      else in.skip(field);
    }
    if (!in.ok()) return fail(malformed());
    return add_process(writer_, scratch_, service, tags);
  }

  Result<> add_tag(Reader& in, ArenaVector<Tag>& tags) {
    Tag tag;
    TagParts parts;
    Field field;
    while (in.next(field)) {
      if (field.id == 1 && field.type == Type::binary) tag.key = in.binary();
      else if (field.id == 2 && is_integer(field.type)) parts.kind = in.integer(field.type);
      else if (field.id == 3 && field.type == Type::binary) parts.text = in.binary();
      else if (field.id == 4 && field.type == Type::real) parts.real = in.real();
      else if (field.id == 5 && field.type == Type::boolean) parts.truth = in.boolean(field);
      else if (field.id == 6 && is_integer(field.type)) parts.integer = in.integer(field.type);
      else if (field.id == 7 && field.type == Type::binary) parts.binary = in.binary();
      else in.skip(field);
    }
    if (!in.ok()) return fail(malformed());
    tag.value = value_of(parts, scratch_);
    if (!scratch_.push(tags, tag)) return fail(no_room());
    return {};
  }

  Result<> add_log(Reader& in, ArenaVector<Log>& logs) {
    Log log;
    Field field;
    while (in.next(field)) {
      if (field.id == 1 && is_integer(field.type)) log.time_unix_nano = microseconds(in.integer(field.type));
      else if (field.id == 2 && field.type == Type::list) WEIR_TRY(each(in, [&] { return add_tag(in, log.fields); }));
      else in.skip(field);
    }
    if (!in.ok()) return fail(malformed());
    if (!scratch_.push(logs, log)) return fail(no_room());
    return {};
  }

  Result<> add_reference(Reader& in, ArenaVector<Reference>& references) {
    std::int64_t kind = 0, low = 0, high = 0, span = 0;
    Field field;
    while (in.next(field)) {
      std::int64_t* to = field.id == 1 ? &kind : field.id == 2 ? &low : field.id == 3 ? &high : field.id == 4 ? &span : nullptr;
      if (to != nullptr && is_integer(field.type)) *to = in.integer(field.type);
      else in.skip(field);
    }
    if (!in.ok()) return fail(malformed());
    Reference reference{.child_of = kind == 0, .trace_id = trace_id(high, low), .span_id = span_id(span)};
    if (!scratch_.push(references, reference)) return fail(no_room());
    return {};
  }

  Result<> read_span(Reader& in, Span& span) {
    std::array<std::int64_t, 10> numbers{};  // by field id
    Field field;
    while (in.next(field)) {
      bool known = (field.id >= 1 && field.id <= 4) || (field.id >= 7 && field.id <= 9);
      if (known && is_integer(field.type)) numbers[static_cast<std::size_t>(field.id)] = in.integer(field.type);
      else if (field.id == 5 && field.type == Type::binary) span.name = in.binary();
      else if (field.id == 6 && field.type == Type::list) WEIR_TRY(each(in, [&] { return add_reference(in, span.references); }));
      else if (field.id == 10 && field.type == Type::list) WEIR_TRY(each(in, [&] { return add_tag(in, span.tags); }));
      else if (field.id == 11 && field.type == Type::list) WEIR_TRY(each(in, [&] { return add_log(in, span.logs); }));
      else in.skip(field);
    }
    if (!in.ok()) return fail(malformed());
    auto [unused, low, high, id, parent, name, references, flags, start, duration] = numbers;
    span.trace_id = trace_id(high, low);
    span.span_id = span_id(id);
    span.parent_span_id = span_id(parent);
    span.sampled = (flags & 1) != 0;
    span.start_unix_nano = microseconds(start);
    span.end_unix_nano = span.start_unix_nano + microseconds(duration);
    return {};
  }

  static std::uint64_t microseconds(std::int64_t us) { return static_cast<std::uint64_t>(us) * 1000; }
  static void put(std::int64_t value, unsigned char* to) {
    for (int i = 0; i < 8; ++i) to[i] = static_cast<unsigned char>(static_cast<std::uint64_t>(value) >> (56 - 8 * i));
  }
  static otlp::TraceId trace_id(std::int64_t high, std::int64_t low) {
    otlp::TraceId out;
    put(high, out.bytes.data());
    put(low, out.bytes.data() + 8);
    return out;
  }
  static otlp::SpanId span_id(std::int64_t id) {
    otlp::SpanId out;
    put(id, out.bytes.data());
    return out;
  }

  std::string_view bytes_;
  thrift::Protocol protocol_;
  Scratch scratch_;
  TraceWriter writer_;
};

}  // namespace

Result<Bytes> from_thrift(thrift::Protocol protocol, std::string_view batch, Charge& charge) {
  return ThriftReader(protocol, batch, charge).read();
}

Result<Bytes> from_datagram(thrift::Protocol protocol, std::string_view datagram, Charge& charge) {
  Reader in(protocol, datagram);
  thrift::Message message = in.message();
  if (!in.ok()) return fail(malformed());
  if (message.name != "emitBatch") return fail(Errc::invalid, "the agent knows no message '{}'", message.name.substr(0, 64));
  Field field;
  while (in.next(field)) {
    if (field.id == 1 && field.type == Type::structure) return from_thrift(protocol, in.rest(), charge);
    in.skip(field);
  }
  return fail(malformed());
}

}  // namespace weir::jaeger
