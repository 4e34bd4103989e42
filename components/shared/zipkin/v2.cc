// Version 2: JSON and protobuf.
#include <arpa/inet.h>

#include "components/shared/zipkin/model.h"
#include "components/shared/zipkin/zipkin.h"

namespace weir::zipkin {
namespace {

namespace dom = simdjson::dom;
using otlp::Reader;
using otlp::Value;
using otlp::WireType;

std::int32_t kind_of(std::string_view word) {
  if (word == "CLIENT") return otlp::Span::client;
  if (word == "SERVER") return otlp::Span::server;
  if (word == "PRODUCER") return otlp::Span::producer;
  return word == "CONSUMER" ? otlp::Span::consumer : otlp::Span::unspecified;
}

Result<> read_ids(dom::element object, Scratch& scratch, Span& span) {
  WEIR_ASSIGN(auto trace, text_member(object, "traceId", scratch));
  WEIR_ASSIGN(auto id, text_member(object, "id", scratch));
  WEIR_ASSIGN(auto parent, text_member(object, "parentId", scratch));
  if (!read_hex(trace, span.trace_id.bytes) || !read_hex(id, span.span_id.bytes) || !read_hex(parent, span.parent_span_id.bytes))
    return fail(malformed("an id is not hexadecimal"));
  if (span.span_id.empty()) return fail(malformed("a span without an id"));
  return {};
}

Result<Endpoint> read_endpoint(dom::element span, std::string_view key, Scratch& scratch) {
  Endpoint out;
  dom::element object;
  if (span[key].get(object) || object.is_null()) return out;
  if (!object.is_object()) return fail(malformed(fmt::format("{} is no object", key)));
  WEIR_ASSIGN(out.service, text_member(object, "serviceName", scratch));
  WEIR_ASSIGN(auto v4, text_member(object, "ipv4", scratch));
  WEIR_ASSIGN(auto v6, text_member(object, "ipv6", scratch));
  out.ip = v6.empty() ? v4 : v6;
  WEIR_ASSIGN(auto port, number_member(object, "port"));
  out.port = static_cast<std::int64_t>(port & 0xFFFF);
  return out;
}

Result<> read_annotations(dom::element span, Scratch& scratch, Span& out) {
  dom::array list;
  if (span["annotations"].get(list)) return {};
  for (dom::element each : list) {
    if (!each.is_object()) return fail(malformed("an annotation is no object"));
    WEIR_ASSIGN(auto time, number_member(each, "timestamp"));
    WEIR_ASSIGN(auto value, text_member(each, "value", scratch));
    if (!scratch.push(out.annotations, {time * 1000, value})) return fail(no_room());
  }
  return {};
}

Result<> read_tags(dom::element span, Scratch& scratch, Span& out) {
  dom::object object;
  if (span["tags"].get(object)) return {};
  AttributeSetter setter(scratch, out.tags);
  for (auto [key, value] : object) {
    std::string_view text;
    if (value.get(text) && !value.is_null()) return fail(malformed(fmt::format("the tag {} is no text", key.substr(0, 64))));
    if (!scratch.take(key.size() + text.size()) || !setter.set(scratch.arena().copy(key), Value::of(scratch.arena().copy(text))))
      return fail(no_room());
  }
  return {};
}

Result<> read_span(dom::element object, Scratch& scratch, Span& out) {
  WEIR_TRY(read_ids(object, scratch, out));
  WEIR_ASSIGN(out.name, text_member(object, "name", scratch));
  WEIR_ASSIGN(auto kind, text_member(object, "kind", scratch));
  out.kind = kind_of(kind);
  WEIR_ASSIGN(auto start, number_member(object, "timestamp"));
  WEIR_ASSIGN(auto duration, number_member(object, "duration"));
  out.start_unix_nano = start * 1000, out.duration_nano = duration * 1000;
  WEIR_ASSIGN(out.local, read_endpoint(object, "localEndpoint", scratch));
  WEIR_ASSIGN(out.remote, read_endpoint(object, "remoteEndpoint", scratch));
  WEIR_TRY(read_annotations(object, scratch, out));
  return read_tags(object, scratch, out);
}

// zipkin.proto3, the numbers of its fields:
// Endpoint: service_name = 1, ipv4 = 2, ipv6 = 3, port = 4.
Result<Endpoint> read_endpoint(std::string_view message, Scratch& scratch) {
  Endpoint out;
  std::string_view v4, v6;
  Reader in(message);
  while (in.next()) {
    bool bytes = in.is(WireType::bytes);
    if (bytes && in.field() == 1) out.service = in.bytes();
    else if (bytes && in.field() == 2) v4 = in.bytes();
    else if (bytes && in.field() == 3) v6 = in.bytes();
    else if (in.field() == 4 && in.is(WireType::varint)) out.port = static_cast<std::int64_t>(in.varint() & 0xFFFF);
    else in.skip();
  }
  if (!in.ok()) return fail(malformed("malformed protobuf"));
  char text[INET6_ADDRSTRLEN];
  std::string_view address;
  if (v6.size() == 16) {
    if (const char* written = inet_ntop(AF_INET6, v6.data(), text, sizeof text)) address = written;
  } else if (v4.size() == 4) {
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(v4[i]); };
    address = {text, static_cast<std::size_t>(fmt::format_to(static_cast<char*>(text), "{}.{}.{}.{}", byte(0), byte(1), byte(2), byte(3)) - text)};
  }
  if (address.empty()) return out;
  if (!scratch.take(sizeof text)) return fail(no_room());
  out.ip = scratch.arena().copy(address);
  return out;
}

// Annotation: timestamp = 1 (microseconds), value = 2.
Result<> add_annotation(std::string_view message, Scratch& scratch, Span& out) {
  Annotation annotation;
  Reader in(message);
  while (in.next()) {
    if (in.field() == 1 && in.is(WireType::fixed64)) annotation.time_unix_nano = in.fixed64() * 1000;
    else if (in.field() == 2 && in.is(WireType::bytes)) annotation.value = in.bytes();
    else in.skip();
  }
  if (!in.ok()) return fail(malformed("malformed protobuf"));
  if (!scratch.push(out.annotations, annotation)) return fail(no_room());
  return {};
}

// A map entry: key = 1, value = 2.
Result<> add_tag(std::string_view message, AttributeSetter& setter) {
  std::string_view key, value;
  Reader in(message);
  while (in.next()) {
    if (in.field() == 1 && in.is(WireType::bytes)) key = in.bytes();
    else if (in.field() == 2 && in.is(WireType::bytes)) value = in.bytes();
    else in.skip();
  }
  if (!in.ok()) return fail(malformed("malformed protobuf"));
  if (!setter.set(key, Value::of(value))) return fail(no_room());
  return {};
}

template <class Id>
bool set_id(std::string_view bytes, Id& id) {
  if (bytes.size() > id.bytes.size()) return false;
  std::ranges::copy(bytes, id.bytes.end() - static_cast<std::ptrdiff_t>(bytes.size()));
  return true;
}

std::int32_t kind_of(std::uint64_t number) {  // CLIENT, SERVER, PRODUCER, CONSUMER from 1 on
  constexpr std::int32_t kinds[] = {otlp::Span::unspecified, otlp::Span::client, otlp::Span::server, otlp::Span::producer, otlp::Span::consumer};
  return number < std::size(kinds) ? kinds[number] : otlp::Span::unspecified;
}

// Span: trace_id = 1, parent_id = 2, id = 3, kind = 4, name = 5, timestamp = 6, duration = 7 (microseconds),
// local_endpoint = 8, remote_endpoint = 9, annotations = 10, tags = 11.
Result<> read_span(std::string_view message, Scratch& scratch, Span& out) {
  AttributeSetter tags(scratch, out.tags);
  Reader in(message);
  while (in.next()) {
    bool bytes = in.is(WireType::bytes), varint = in.is(WireType::varint), ok = true;
    switch (in.field()) {
      case 1: bytes ? void(ok = set_id(in.bytes(), out.trace_id)) : in.skip(); break;
      case 2: bytes ? void(ok = set_id(in.bytes(), out.parent_span_id)) : in.skip(); break;
      case 3: bytes ? void(ok = set_id(in.bytes(), out.span_id)) : in.skip(); break;
      case 4: varint ? void(out.kind = kind_of(in.varint())) : in.skip(); break;
      case 5: bytes ? void(out.name = in.bytes()) : in.skip(); break;
      case 6: in.is(WireType::fixed64) ? void(out.start_unix_nano = in.fixed64() * 1000) : in.skip(); break;
      case 7: varint ? void(out.duration_nano = in.varint() * 1000) : in.skip(); break;
      case 8:
      case 9: {
        if (!bytes) {
          in.skip();
          break;
        }
        auto& to = in.field() == 8 ? out.local : out.remote;
        WEIR_ASSIGN(to, read_endpoint(in.bytes(), scratch));
        break;
      }
      case 10:
        if (bytes) WEIR_TRY(add_annotation(in.bytes(), scratch, out));
        else in.skip();
        break;
      case 11:
        if (bytes) WEIR_TRY(add_tag(in.bytes(), tags));
        else in.skip();
        break;
      default: in.skip();
    }
    if (!ok) return fail(malformed("an id is too long"));
  }
  if (!in.ok()) return fail(malformed("malformed protobuf"));
  return {};
}

}  // namespace

Result<Bytes> from_json_v2(std::string_view json, bool parse_tags, Charge& charge) {
  JsonElements elements(json);
  JsonSpan tree(charge);
  Scratch scratch(charge);
  Translator translator(parse_tags, charge);
  for (;;) {
    WEIR_ASSIGN(auto element, elements.next());
    if (!element) return translator.finish();
    WEIR_ASSIGN(dom::element object, tree.parse(*element));
    if (object.is_null()) continue;
    if (!object.is_object()) return fail(malformed("an element is no object"));
    scratch.reset();
    Span span;
    WEIR_TRY(read_span(object, scratch, span));
    WEIR_TRY(translator.add(span, scratch));
  }
}

Result<Bytes> from_proto_v2(std::string_view message, bool parse_tags, Charge& charge) {
  Scratch scratch(charge);
  Translator translator(parse_tags, charge);
  Reader in(message);
  while (in.next()) {
    if (in.field() != 1 || !in.is(WireType::bytes)) {
      in.skip();
      continue;
    }
    scratch.reset();
    Span span;
    WEIR_TRY(read_span(in.bytes(), scratch, span));
    WEIR_TRY(translator.add(span, scratch));
  }
  if (!in.ok()) return fail(malformed("malformed protobuf"));
  return translator.finish();
}

}  // namespace weir::zipkin
