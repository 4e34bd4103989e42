// Version 2: JSON and protobuf.
#include "components/shared/zipkin/address.h"
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

// `needed`: it may be left out, but not be empty.
template <class Id>
Result<> read_id(dom::element value, std::string_view key, bool needed, Id& id) {
  WEIR_ASSIGN(auto digits, text_of(value, key));
  if (needed && digits.empty()) return fail(malformed(fmt::format("{} is empty", key)));
  if (!read_hex(digits, id.bytes)) return fail(malformed("an id is not hexadecimal"));
  return {};
}

Result<Endpoint> read_endpoint(dom::element from, std::string_view name, Scratch& scratch) {
  Endpoint out;
  if (from.is_null()) return out;
  dom::object object;
  if (from.get(object)) return fail(malformed(fmt::format("{} is no object", name)));
  std::string_view v4, v6;
  for (auto [key, value] : object) {
    if (key == "serviceName") {
      WEIR_ASSIGN(out.service, text_of(value, key));
    } else if (key == "ipv4") {
      WEIR_ASSIGN(v4, text_of(value, key));
    } else if (key == "ipv6") {
      WEIR_ASSIGN(v6, text_of(value, key));
    } else if (key == "port") {
      WEIR_ASSIGN(auto port, number_of(value, key));
      if (port > 0xFFFF) return fail(malformed(fmt::format("{} is no port", port)));
      out.port = static_cast<std::int64_t>(port);
    }
  }
  WEIR_ASSIGN(v4, usual_address(v4, scratch));
  WEIR_ASSIGN(v6, usual_address(v6, scratch));
  out.ip = v6.empty() ? v4 : v6;
  return out;
}

Result<> read_annotations(dom::element from, Scratch& scratch, Span& out) {
  dom::array list;
  if (from.is_null()) return {};
  if (from.get(list)) return fail(malformed("annotations is no array"));
  for (dom::element each : list) {
    dom::object object;
    if (each.get(object)) return fail(malformed("an annotation is no object"));
    Annotation annotation;
    for (auto [key, value] : object) {
      if (key == "timestamp") {
        WEIR_ASSIGN(auto time, number_of(value, key));
        annotation.time_unix_nano = time * 1000;
      } else if (key == "value") {
        WEIR_ASSIGN(annotation.value, text_of(value, key));
      }
    }
    if (annotation.time_unix_nano == 0) return fail(malformed("an annotation without a timestamp"));
    if (!scratch.push(out.annotations, annotation)) return fail(no_room());
  }
  return {};
}

Result<> read_tags(dom::element from, Scratch& scratch, Span& out) {
  dom::object object;
  if (from.is_null()) return {};
  if (from.get(object)) return fail(malformed("tags is no object"));
  AttributeSetter setter(scratch, out.tags);
  for (auto [key, value] : object) {
    WEIR_ASSIGN(auto text, text_of(value, key));
    if (!setter.set(key, Value::of(text))) return fail(no_room());
  }
  return {};
}

Result<> read_member(std::string_view key, dom::element value, Scratch& scratch, Span& out) {
  if (key == "traceId") return read_id(value, key, true, out.trace_id);
  if (key == "id") return read_id(value, key, false, out.span_id);
  if (key == "parentId") return read_id(value, key, false, out.parent_span_id);
  if (key == "tags") return read_tags(value, scratch, out);
  if (key == "annotations") return read_annotations(value, scratch, out);
  if (key == "name") {
    WEIR_ASSIGN(out.name, text_of(value, key));
  } else if (key == "kind") {
    WEIR_ASSIGN(auto word, text_of(value, key));
    out.kind = kind_of(word);
  } else if (key == "timestamp") {
    WEIR_ASSIGN(auto start, number_of(value, key));
    out.start_unix_nano = start * 1000;
    out.has_start = start != 0;
  } else if (key == "duration") {
    WEIR_ASSIGN(auto duration, number_of(value, key));
    out.duration_nano = duration * 1000;
  } else if (key == "localEndpoint") {
    WEIR_ASSIGN(out.local, read_endpoint(value, key, scratch));
  } else if (key == "remoteEndpoint") {
    WEIR_ASSIGN(out.remote, read_endpoint(value, key, scratch));
  } else if ((key == "debug" || key == "shared") && !value.is_bool() && !value.is_null()) {
    return fail(malformed(fmt::format("{} is no boolean", key)));
  }
  return {};
}

// Texts stay in the parser's buffer.
Result<> read_span(dom::object object, Scratch& scratch, Span& out) {
  for (auto [key, value] : object) WEIR_TRY(read_member(key, value, scratch, out));
  if (out.span_id.empty()) return fail(malformed("a span without an id"));
  return {};
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
  std::string address = write_address(v6.size() == 16 ? v6 : v4);
  if (address.empty()) return out;
  if (!scratch.take(address.size())) return fail(no_room());
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

// 8 bytes, or 16 where there is room for them; none at all where that is allowed.
template <class Id>
bool set_id(std::string_view bytes, Id& id) {
  if (bytes.size() != 8 && bytes.size() != id.bytes.size()) return bytes.empty();
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
    if (!ok) return fail(malformed("an id of another length than 8 or 16 bytes"));
  }
  if (!in.ok()) return fail(malformed("malformed protobuf"));
  if (out.trace_id.empty() || out.span_id.empty()) return fail(malformed("a span without ids"));
  out.has_start = true;  // none is 1970
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
    WEIR_ASSIGN(dom::element root, tree.parse(*element));
    if (root.is_null()) continue;
    dom::object object;
    if (root.get(object)) return fail(malformed("an element is no object"));
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
