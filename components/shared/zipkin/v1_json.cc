#include "components/shared/zipkin/v1.h"
#include "components/shared/zipkin/zipkin.h"

namespace weir::zipkin {
namespace {

namespace dom = simdjson::dom;

Result<V1Endpoint> read_endpoint(dom::element parent, Scratch& scratch) {
  V1Endpoint out;
  dom::element object;
  if (parent["endpoint"].get(object) || !object.is_object()) return out;
  out.present = true;
  WEIR_ASSIGN(out.service, text_member(object, "serviceName", scratch));
  WEIR_ASSIGN(out.ipv4, text_member(object, "ipv4", scratch));
  WEIR_ASSIGN(out.ipv6, text_member(object, "ipv6", scratch));
  WEIR_ASSIGN(auto port, number_member(object, "port"));
  out.port = static_cast<std::int32_t>(port);
  return out;
}

// 16 or 32 digits, not all zero.
template <class Id>
Result<> read_id(dom::element object, const char* key, bool needed, Scratch& scratch, Id& id) {
  WEIR_ASSIGN(auto digits, text_member(object, key, scratch));
  if (digits.empty() && !needed) return {};
  bool length = digits.size() == 16 || digits.size() == 2 * id.bytes.size();
  if (!length || !read_hex(digits, id.bytes) || id.empty()) return fail(malformed(fmt::format("{} '{}' is no id", key, digits.substr(0, 64))));
  return {};
}

Result<> read_span(dom::element object, bool parse_tags, Scratch& scratch, V1Span& out) {
  WEIR_TRY(read_id(object, "traceId", true, scratch, out.trace_id));
  WEIR_TRY(read_id(object, "id", true, scratch, out.span_id));
  WEIR_TRY(read_id(object, "parentId", false, scratch, out.parent_span_id));
  WEIR_ASSIGN(out.name, text_member(object, "name", scratch));
  WEIR_ASSIGN(auto start, number_member(object, "timestamp"));
  WEIR_ASSIGN(auto duration, number_member(object, "duration"));
  if (start != 0) out.start_us = static_cast<std::int64_t>(start), out.duration_us = static_cast<std::int64_t>(duration);
  dom::array list;
  if (!object["annotations"].get(list))
    for (dom::element each : list) {
      if (!each.is_object()) continue;
      V1Annotation annotation;
      WEIR_ASSIGN(auto time, number_member(each, "timestamp"));
      annotation.time_us = static_cast<std::int64_t>(time);
      WEIR_ASSIGN(annotation.value, text_member(each, "value", scratch));
      WEIR_ASSIGN(annotation.endpoint, read_endpoint(each, scratch));
      if (!scratch.push(out.annotations, annotation)) return fail(no_room());
    }
  if (!object["binaryAnnotations"].get(list))
    for (dom::element each : list) {
      if (!each.is_object()) continue;
      V1Tag tag;
      WEIR_ASSIGN(tag.key, text_member(each, "key", scratch));
      WEIR_ASSIGN(tag.text, text_member(each, "value", scratch));
      WEIR_ASSIGN(tag.endpoint, read_endpoint(each, scratch));
      tag.value = parsed_tag(tag.text, parse_tags);
      if (!scratch.push(out.tags, tag)) return fail(no_room());
    }
  return {};
}

}  // namespace

Result<Bytes> from_json_v1(std::string_view json, bool parse_tags, Charge& charge) {
  JsonElements elements(json);
  JsonSpan tree(charge);
  Scratch scratch(charge);
  V1Translator translator(charge);
  for (;;) {
    WEIR_ASSIGN(auto element, elements.next());
    if (!element) return translator.finish();
    WEIR_ASSIGN(dom::element object, tree.parse(*element));
    if (!object.is_object()) return fail(malformed("an element is no object"));
    scratch.reset();
    V1Span span;
    WEIR_TRY(read_span(object, parse_tags, scratch, span));
    WEIR_TRY(translator.add(span, scratch));
  }
}

}  // namespace weir::zipkin
