#include "components/shared/zipkin/v1.h"

#include <charconv>

namespace weir::zipkin {
namespace {

using otlp::Value;
using otlp::ValueType;

constexpr std::string_view unknown_service = "unknown-service";

// What an annotation says about the span's kind: cs and cr are the client's, ms the producer's, and so on.
std::optional<std::int32_t> kind_of(std::string_view annotation) {
  if (annotation == "cs" || annotation == "cr") return otlp::Span::client;
  if (annotation == "ss" || annotation == "sr") return otlp::Span::server;
  if (annotation == "ms") return otlp::Span::producer;
  if (annotation == "mr") return otlp::Span::consumer;
  return std::nullopt;
}

std::uint64_t nanoseconds(std::int64_t us) { return us <= 0 ? 0 : static_cast<std::uint64_t>(us) * 1000; }

std::optional<std::int32_t> code_of(const Value& value) {
  std::int64_t out = 0;
  if (value.is(ValueType::integer)) {
    out = value.integer;
  } else {
    if (!value.is(ValueType::string)) return std::nullopt;
    auto [end, error] = std::from_chars(value.text.data(), value.text.data() + value.text.size(), out);
    if (error != std::errc() || end != value.text.data() + value.text.size() || value.text.empty()) return std::nullopt;
  }
  return out >= INT32_MIN && out <= INT32_MAX ? std::optional(static_cast<std::int32_t>(out)) : std::nullopt;
}

std::string_view text_of(const Value& value) { return value.is(ValueType::string) ? value.text : std::string_view(); }

// The status from the tags that may tell it. In order of trust: OpenCensus', OpenTelemetry's, `error`, HTTP's.
class StatusFinder {
 public:
  // True when the tag is only about the status, and no attribute.
  bool look(const V1Tag& tag) {
    if (tag.key == "census.status_code") return note(census_, code_of(tag.value), [](int code) { return code != 0 ? 2 : 1; }), true;
    if (tag.key == "census.status_description" || tag.key == "opencensus.status_description") return census_.message = text_of(tag.value), true;
    if (tag.key == "otel.status_code") return note(own_, code_of(tag.value), [](int code) { return code; }), true;
    if (tag.key == "otel.status_description") return own_.message = text_of(tag.value), true;
    if (tag.key == "error") return error_ = true, true;
    if (tag.key == "http.status_code" || tag.key == "http.response.status_code")
      note(http_, code_of(tag.value), [](int code) { return code >= 100 && code < 400 ? 0 : 2; });
    if (tag.key == "http.status_message") http_.message = text_of(tag.value);
    return false;
  }

  void set(otlp::Span& span) const {
    const Found* found = census_.code ? &census_ : own_.code ? &own_ : nullptr;
    if (found == nullptr && error_) {
      span.status_code = otlp::Span::error;
      span.status_message = !census_.message.empty() ? census_.message : own_.message;
      return;
    }
    if (found == nullptr && http_.code) found = &http_;
    if (found == nullptr) return;
    span.status_code = *found->code;
    span.status_message = found->message;
  }

 private:
  struct Found {
    std::optional<std::int32_t> code;
    std::string_view message;
  };
  template <class Map>
  static void note(Found& found, std::optional<std::int32_t> code, Map map) {
    if (code) found.code = map(*code);
  }
  Found census_, own_, http_;
  bool error_ = false;
};

// Times, kind, events and the endpoint from the annotations.
Result<V1Endpoint> read_annotations(const V1Span& from, Scratch& scratch, otlp::Span& to) {
  V1Endpoint endpoint;
  bool kind_known = false;
  std::int64_t first = INT64_MAX, last = INT64_MIN;
  for (auto& annotation : from.annotations) {
    if (annotation.value.empty()) continue;
    auto kind = kind_of(annotation.value);
    if (kind && !endpoint.present && !annotation.endpoint.service.empty()) endpoint = annotation.endpoint;
    if (kind && !std::exchange(kind_known, true)) to.kind = *kind;
    std::uint64_t time = nanoseconds(annotation.time_us);
    if (annotation.time_us < first) first = annotation.time_us, to.start_time_unix_nano = time;
    if (annotation.time_us > last) last = annotation.time_us, to.end_time_unix_nano = time;
    if (kind) continue;
    if (!scratch.push(to.events, {.time_unix_nano = time, .name = annotation.value})) return fail(no_room());
  }
  if (!endpoint.present) endpoint = {.present = true, .service = unknown_service};
  return endpoint;
}

// Attributes and status; the service that a tag names, for spans whose annotations name none. `last_host_counts`: an
// endpoint without a name takes back what those before it named.
Result<std::string_view> read_tags(const V1Span& from, bool last_host_counts, Scratch& scratch, otlp::Span& to) {
  StatusFinder status;
  AttributeSetter setter(scratch, to.attributes);
  std::string_view service, component;
  for (auto& tag : from.tags) {
    if (!tag.endpoint.service.empty() || (last_host_counts && tag.endpoint.present)) service = tag.endpoint.service;
    if (tag.key == "lc") component = tag.text;
    if (status.look(tag)) continue;
    if (!setter.set(tag.key == "lc" ? "component" : tag.key, tag.value)) return fail(no_room());
  }
  status.set(to);
  return service.empty() ? component : service;
}

}  // namespace

Result<TraceWriter::Group> V1Translator::group_of(const V1Endpoint& endpoint, Scratch& scratch) {
  std::string key = fmt::format("{}\n{}\n{}\n{}", endpoint.service, endpoint.ipv4, endpoint.ipv6, endpoint.port);
  if (auto at = groups_.find(key); at != groups_.end()) return at->second;
  if (!charge_.grow(key.size() + 128)) return fail(no_room());
  otlp::Resource resource;
  bool room = scratch.push(resource.attributes, {"service.name", Value::of(endpoint.service)});
  auto set = [&](std::string_view name, std::string_view text) {
    if (!text.empty()) room = room && scratch.push(resource.attributes, {name, Value::of(text)});
  };
  set("ipv4", endpoint.ipv4);
  set("ipv6", endpoint.ipv6);
  if (endpoint.port != 0) set("port", scratch.arena().copy(std::to_string(endpoint.port)));
  if (!room) return fail(no_room());
  WEIR_ASSIGN(auto group, writer_.resource(resource));
  groups_.emplace(std::move(key), group);
  return group;
}

Result<> V1Translator::add(const V1Span& span, Scratch& scratch) {
  otlp::Span to{.trace_id = span.trace_id, .span_id = span.span_id, .parent_span_id = span.parent_span_id, .name = span.name};
  WEIR_ASSIGN(V1Endpoint endpoint, read_annotations(span, scratch, to));
  WEIR_ASSIGN(std::string_view fallback, read_tags(span, form_ == Form::thrift, scratch, to));
  if (endpoint.service == unknown_service && !fallback.empty()) endpoint.service = fallback;
  if (span.start_us) {
    to.start_time_unix_nano = nanoseconds(*span.start_us);
    to.end_time_unix_nano = nanoseconds(*span.start_us + span.duration_us.value_or(0));
  }
  if (to.start_time_unix_nano == 0 && form_ == Form::json) {
    to.start_time_unix_nano = to.end_time_unix_nano = static_cast<std::uint64_t>(now_);
    if (!scratch.push(to.attributes, {"otel.zipkin.absentField.startTime", Value::of(true)})) return fail(no_room());
  }
  WEIR_ASSIGN(auto group, group_of(endpoint, scratch));
  return writer_.add(group, {}, to);
}

}  // namespace weir::zipkin
