#include "components/shared/zipkin/v1.h"
#include "components/shared/zipkin/zipkin.h"

namespace weir::zipkin {
namespace {

namespace dom = simdjson::dom;

Result<V1Endpoint> read_endpoint(dom::element from) {
  V1Endpoint out;
  dom::object object;
  if (from.is_null()) return out;
  if (from.get(object)) return fail(malformed("an endpoint is no object"));
  out.present = true;
  for (auto [key, value] : object) {
    if (key == "serviceName") {
      WEIR_ASSIGN(out.service, text_of(value, key));
    } else if (key == "ipv4") {
      WEIR_ASSIGN(out.ipv4, text_of(value, key));
    } else if (key == "ipv6") {
      WEIR_ASSIGN(out.ipv6, text_of(value, key));
    } else if (key == "port") {
      WEIR_ASSIGN(out.port, signed_number_of(value, key));
      if (out.port != static_cast<std::int32_t>(out.port)) return fail(malformed(fmt::format("{} is no port", out.port)));
    }
  }
  return out;
}

// 16 or 32 digits, not all zero.
template <class Id>
Result<> read_id(dom::element value, std::string_view key, bool needed, Id& id) {
  WEIR_ASSIGN(auto digits, text_of(value, key));
  if (digits.empty() && !needed) return {};
  bool length = digits.size() == 16 || digits.size() == 2 * id.bytes.size();
  if (!length || !read_hex(digits, id.bytes) || id.empty()) return fail(malformed(fmt::format("{} '{}' is no id", key, digits.substr(0, 64))));
  return {};
}

// `read` gets each object of the list that is not null. Called `list_name`, and each `one_name`, in errors.
template <class Read>
Result<> each_object(dom::element from, std::string_view list_name, std::string_view one_name, Read read) {
  dom::array list;
  if (from.is_null()) return {};
  if (from.get(list)) return fail(malformed(fmt::format("{} is no array", list_name)));
  for (dom::element each : list) {
    dom::object object;
    if (each.is_null()) continue;
    if (each.get(object)) return fail(malformed(fmt::format("{} is no object", one_name)));
    WEIR_TRY(read(object));
  }
  return {};
}

Result<> read_annotations(dom::element from, Scratch& scratch, V1Span& out) {
  return each_object(from, "annotations", "an annotation", [&](dom::object object) -> Result<> {
    V1Annotation annotation;
    for (auto [key, value] : object) {
      if (key == "timestamp") {
        WEIR_ASSIGN(annotation.time_us, signed_number_of(value, key));
      } else if (key == "value") {
        WEIR_ASSIGN(annotation.value, text_of(value, key));
      } else if (key == "endpoint") {
        WEIR_ASSIGN(annotation.endpoint, read_endpoint(value));
      }
    }
    if (!scratch.push(out.annotations, annotation)) return fail(no_room());
    return {};
  });
}

Result<> read_tags(dom::element from, bool parse_tags, Scratch& scratch, V1Span& out) {
  return each_object(from, "binaryAnnotations", "a binary annotation", [&](dom::object object) -> Result<> {
    V1Tag tag;
    for (auto [key, value] : object) {
      if (key == "key") {
        WEIR_ASSIGN(tag.key, text_of(value, key));
      } else if (key == "value") {
        WEIR_ASSIGN(tag.text, text_of(value, key));
      } else if (key == "endpoint") {
        WEIR_ASSIGN(tag.endpoint, read_endpoint(value));
      }
    }
    tag.value = parsed_tag(tag.text, parse_tags);
    if (!scratch.push(out.tags, tag)) return fail(no_room());
    return {};
  });
}

Result<> read_member(std::string_view key, dom::element value, bool parse_tags, Scratch& scratch, V1Span& out) {
  if (key == "traceId") return read_id(value, key, true, out.trace_id);
  if (key == "id") return read_id(value, key, true, out.span_id);
  if (key == "parentId") return read_id(value, key, false, out.parent_span_id);
  if (key == "annotations") return read_annotations(value, scratch, out);
  if (key == "binaryAnnotations") return read_tags(value, parse_tags, scratch, out);
  if (key == "name") {
    WEIR_ASSIGN(out.name, text_of(value, key));
  } else if (key == "timestamp") {
    WEIR_ASSIGN(auto start, signed_number_of(value, key));
    if (start != 0) out.start_us = start;
  } else if (key == "duration") {
    WEIR_ASSIGN(out.duration_us, signed_number_of(value, key));
  } else if (key == "debug" && !value.is_bool() && !value.is_null()) {
    return fail(malformed("debug is no boolean"));
  }
  return {};
}

// Texts stay in the parser's buffer.
Result<> read_span(dom::object object, bool parse_tags, Scratch& scratch, V1Span& out) {
  for (auto [key, value] : object) WEIR_TRY(read_member(key, value, parse_tags, scratch, out));
  if (out.trace_id.empty() || out.span_id.empty()) return fail(malformed("a span without ids"));
  return {};
}

}  // namespace

Result<Bytes> from_json_v1(std::string_view json, bool parse_tags, UnixNanos now, Charge& charge) {
  JsonElements elements(json);
  JsonSpan tree(charge);
  Scratch scratch(charge);
  V1Translator translator(V1Translator::Form::json, now, charge);
  for (;;) {
    WEIR_ASSIGN(auto element, elements.next());
    if (!element) return translator.finish();
    WEIR_ASSIGN(dom::element root, tree.parse(*element));
    dom::object object;
    if (root.get(object)) return fail(malformed("an element is no object"));
    scratch.reset();
    V1Span span;
    WEIR_TRY(read_span(object, parse_tags, scratch, span));
    WEIR_TRY(translator.add(span, scratch));
  }
}

}  // namespace weir::zipkin
