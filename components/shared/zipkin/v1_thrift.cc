// zipkinCore.thrift in the binary protocol: a list of spans without a message around it.
#include "base/text.h"
#include "components/shared/thrift/thrift.h"
#include "components/shared/zipkin/address.h"
#include "components/shared/zipkin/v1.h"
#include "components/shared/zipkin/zipkin.h"

namespace weir::zipkin {
namespace {

using otlp::Value;
using thrift::Field;
using thrift::Reader;
using thrift::Type;

Error broken() { return malformed("malformed Thrift"); }

bool is_integer(const Field& field) {
  return field.type == Type::byte || field.type == Type::i16 || field.type == Type::i32 || field.type == Type::i64;
}

template <class Id>
void put(std::int64_t value, Id& id, std::size_t at) {
  for (std::size_t i = 0; i < 8; ++i) id.bytes[at + i] = static_cast<unsigned char>(static_cast<std::uint64_t>(value) >> (56 - 8 * i));
}

// Endpoint: ipv4 = 1, port = 2, service_name = 3, ipv6 = 4.
Result<V1Endpoint> read_endpoint(Reader& in, Scratch& scratch) {
  V1Endpoint out{.present = true};
  std::uint32_t v4 = 0;
  std::string_view v6;
  Field field;
  while (in.next(field)) {
    if (field.id == 1 && is_integer(field)) v4 = static_cast<std::uint32_t>(in.integer(field.type));
    else if (field.id == 2 && is_integer(field)) out.port = in.integer(field.type);
    else if (field.id == 3 && field.type == Type::binary) out.service = in.binary();
    else if (field.id == 4 && field.type == Type::binary) v6 = in.binary();
    else in.skip(field);
  }
  if (!in.ok()) return fail(broken());
  constexpr std::size_t longest_address = 46;
  if (!scratch.take(2 * longest_address)) return fail(no_room());
  if (v4 != 0) out.ipv4 = scratch.arena().copy(fmt::format("{}.{}.{}.{}", v4 >> 24, v4 >> 16 & 0xFF, v4 >> 8 & 0xFF, v4 & 0xFF));
  out.ipv6 = scratch.arena().copy(write_address(v6));
  return out;
}

// Annotation: timestamp = 1, value = 2, host = 3.
Result<> add_annotation(Reader& in, Scratch& scratch, V1Span& out) {
  V1Annotation annotation;
  Field field;
  while (in.next(field)) {
    if (field.id == 1 && is_integer(field)) {
      annotation.time_us = in.integer(field.type);
    } else if (field.id == 2 && field.type == Type::binary) {
      annotation.value = in.binary();
    } else if (field.id == 3 && field.type == Type::structure) {
      WEIR_ASSIGN(annotation.endpoint, read_endpoint(in, scratch));
    } else {
      in.skip(field);
    }
  }
  if (!in.ok()) return fail(broken());
  if (!scratch.push(out.annotations, annotation)) return fail(no_room());
  return {};
}

std::uint64_t big_endian(std::string_view bytes) {
  std::uint64_t out = 0;
  for (unsigned char c : bytes) out = out << 8 | c;
  return out;
}

// A binary annotation's value, by its type. Numbers stand in network order; shorter ones than their type say so.
Value value_of(std::int64_t type, std::string_view bytes, Scratch& scratch) {
  enum : std::int64_t { boolean, binary, i16, i32, i64, real, text };
  std::size_t width = type == i16 ? 2 : type == i32 ? 4 : type == i64 || type == real ? 8 : 0;
  if (bytes.size() < width) return Value::of(std::string_view("<not enough bytes representing the number>"));
  switch (type) {
    case boolean: return Value::of(bytes == "\1");
    case i16:
    case i32:
    case i64: return Value::of(static_cast<std::int64_t>(big_endian(bytes.substr(0, width))));
    case real: return Value::of(std::bit_cast<double>(big_endian(bytes.substr(0, width))));
    case text: return Value::of(bytes);
    case binary:
      if (!scratch.take(bytes.size() * 4 / 3 + 4)) return {};
      return Value::of(scratch.arena().copy(encode_base64(bytes)));
    default: {
      std::string words = fmt::format("<unknown zipkin v1 binary annotation type ({})>", type);
      return scratch.take(words.size()) ? Value::of(scratch.arena().copy(words)) : Value();
    }
  }
}

// BinaryAnnotation: key = 1, value = 2, annotation_type = 3, host = 4.
Result<> add_tag(Reader& in, Scratch& scratch, V1Span& out) {
  V1Tag tag;
  std::int64_t type = 0;
  Field field;
  while (in.next(field)) {
    if (field.id == 1 && field.type == Type::binary) {
      tag.key = in.binary();
    } else if (field.id == 2 && field.type == Type::binary) {
      tag.text = in.binary();
    } else if (field.id == 3 && is_integer(field)) {
      type = in.integer(field.type);
    } else if (field.id == 4 && field.type == Type::structure) {
      WEIR_ASSIGN(tag.endpoint, read_endpoint(in, scratch));
    } else {
      in.skip(field);
    }
  }
  if (!in.ok()) return fail(broken());
  tag.value = value_of(type, tag.text, scratch);
  if (scratch.full() || !scratch.push(out.tags, tag)) return fail(no_room());
  return {};
}

template <class Element>
Result<> each(Reader& in, Element element) {
  thrift::List list = in.list();
  if (list.size > 0 && list.type != Type::structure) return fail(broken());
  for (std::uint32_t i = 0; i < list.size; ++i) WEIR_TRY(element());
  return in.ok() ? Result<>() : fail(broken());
}

// Span: trace_id = 1, name = 3, id = 4, parent_id = 5, annotations = 6, binary_annotations = 8, debug = 9,
// timestamp = 10, duration = 11, trace_id_high = 12.
Result<> read_span(Reader& in, Scratch& scratch, V1Span& out) {
  Field field;
  while (in.next(field)) {
    if (is_integer(field)) {
      std::int64_t number = in.integer(field.type);
      if (field.id == 1) put(number, out.trace_id, 8);
      if (field.id == 4) put(number, out.span_id, 0);
      if (field.id == 5) put(number, out.parent_span_id, 0);
      if (field.id == 10) out.start_us = number;
      if (field.id == 11) out.duration_us = number;
      if (field.id == 12) put(number, out.trace_id, 0);
    } else if (field.id == 3 && field.type == Type::binary) {
      out.name = in.binary();
    } else if (field.id == 6 && field.type == Type::list) {
      WEIR_TRY(each(in, [&] { return add_annotation(in, scratch, out); }));
    } else if (field.id == 8 && field.type == Type::list) {
      WEIR_TRY(each(in, [&] { return add_tag(in, scratch, out); }));
    } else {
      in.skip(field);
    }
  }
  return in.ok() ? Result<>() : fail(broken());
}

}  // namespace

Result<Bytes> from_thrift_v1(std::string_view bytes, Charge& charge) {
  Reader in(thrift::Protocol::binary, bytes);
  Scratch scratch(charge);
  V1Translator translator(V1Translator::Form::thrift, {}, charge);
  WEIR_TRY(each(in, [&]() -> Result<> {
    scratch.reset();
    V1Span span;
    WEIR_TRY(read_span(in, scratch, span));
    return translator.add(span, scratch);
  }));
  return translator.finish();
}

}  // namespace weir::zipkin
