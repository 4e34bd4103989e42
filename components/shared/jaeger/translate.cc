#include <charconv>

#include "base/text.h"
#include "components/shared/jaeger/model.h"

namespace weir::jaeger {
namespace {

using otlp::Attributes;
using otlp::Value;
using otlp::ValueType;
using Status = otlp::Span::StatusCode;

// What a process without a service is called by programs that translate from OTLP.
constexpr std::string_view no_service = "OTLPResourceNoServiceName";

Result<> copy_tags(const ArenaVector<Tag>& tags, Scratch& scratch, Attributes& out) {
  AttributeSetter setter(scratch, out);
  for (const Tag& tag : tags) {
    // The newer name of this one is not emitted by default.
    std::string_view key = tag.key == "http.response.status_code" ? std::string_view("http.status_code") : tag.key;
    if (!setter.set(key, tag.value)) return fail(no_room());
  }
  return {};
}

std::string_view text_of(const Value* value) { return value != nullptr && value->is(ValueType::string) ? value->text : std::string_view(); }

// Takes an attribute out; its text, or nothing when it is not there.
std::optional<std::string_view> take_text(Attributes& attributes, std::string_view key) {
  const Value* value = attributes.find(key);
  if (value == nullptr) return std::nullopt;
  std::string_view text = text_of(value);
  attributes.remove(key);
  return text;
}

std::int32_t kind_of(std::string_view word) {
  if (word == "client") return otlp::Span::client;
  if (word == "server") return otlp::Span::server;
  if (word == "producer") return otlp::Span::producer;
  if (word == "consumer") return otlp::Span::consumer;
  return word == "internal" ? otlp::Span::internal : otlp::Span::unspecified;
}

std::optional<std::int64_t> number_of(const Value& value) {
  if (value.is(ValueType::integer)) return value.integer;
  if (!value.is(ValueType::string)) return std::nullopt;
  std::string_view text = value.text;
  if (text.starts_with('+')) text.remove_prefix(1);
  std::int64_t out = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(out) : std::nullopt;
}

Status status_of_http(std::int64_t code, std::int32_t kind) {
  if (code >= 400 && code < 500 && kind == otlp::Span::client) return Status::error;
  if (code >= 400 && code < 500 && kind == otlp::Span::server) return Status::unset;
  return code >= 100 && code < 399 ? Status::unset : Status::error;
}

// The tag `error` comes first, then otel.status_code, then what the HTTP status says.
void set_status(otlp::Span& span) {
  Attributes& attributes = span.attributes;
  bool known = false;
  const Value* error = attributes.find("error");
  if (error != nullptr && error->is(ValueType::boolean) && error->boolean) {
    attributes.remove("error");
    known = true;
    span.status_code = Status::error;
    if (auto text = take_text(attributes, "otel.status_description")) span.status_message = *text;
    else span.status_message = text_of(attributes.find("http.status_message"));
  }
  if (const Value* code = attributes.find("otel.status_code")) {
    if (!known) {
      std::string word = to_lower(text_of(code));
      span.status_code = word == "ok" ? Status::ok : word == "error" ? Status::error : Status::unset;
      if (auto text = take_text(attributes, "otel.status_description")) span.status_message = *text;
    }
    attributes.remove("otel.status_code");
    return;
  }
  const Value* http = attributes.find("http.status_code");
  if (known || http == nullptr) return;
  auto code = number_of(*http);
  if (!code || status_of_http(*code, span.kind) == Status::unset) return;
  span.status_code = Status::error;
  span.status_message = text_of(attributes.find("http.status_message"));
}

// Without a parent's id, a reference into the same trace is one: child_of before follows_from.
otlp::SpanId parent_of(const Span& span) {
  if (!span.parent_span_id.empty()) return span.parent_span_id;
  const Reference* follows = nullptr;
  for (const Reference& reference : span.references) {
    if (reference.trace_id != span.trace_id) continue;
    if (reference.child_of) return reference.span_id;
    if (follows == nullptr) follows = &reference;
  }
  return follows != nullptr ? follows->span_id : otlp::SpanId{};
}

Result<> add_links(const Span& from, otlp::Span& to, Scratch& scratch) {
  for (const Reference& reference : from.references) {
    if (reference.child_of && reference.span_id == to.parent_span_id) continue;
    otlp::Span::Link link{.trace_id = reference.trace_id, .span_id = reference.span_id};
    if (!scratch.push(link.attributes, {"opentracing.ref_type", Value::of(reference.child_of ? std::string_view("child_of") : "follows_from")}) ||
        !scratch.push(to.links, link))
      return fail(no_room());
  }
  return {};
}

Result<> add_events(const Span& from, otlp::Span& to, Scratch& scratch) {
  for (const Log& log : from.logs) {
    otlp::Span::Event event{.time_unix_nano = log.time_unix_nano};
    WEIR_TRY(copy_tags(log.fields, scratch, event.attributes));
    if (auto name = take_text(event.attributes, "event")) event.name = *name;
    if (!scratch.push(to.events, event)) return fail(no_room());
  }
  return {};
}

// Takes the library's name and version out of the tags.
otlp::Scope take_scope(Attributes& attributes) {
  otlp::Scope scope;
  auto name = take_text(attributes, "otel.scope.name");
  if (!name) return scope;
  scope.name = *name;
  if (auto version = take_text(attributes, "otel.scope.version")) scope.version = *version;
  return scope;
}

}  // namespace

Result<TraceWriter::Group> add_process(TraceWriter& out, Scratch& scratch, std::string_view service, const ArenaVector<Tag>& tags) {
  otlp::Resource resource;
  if (service == no_service) return out.resource(resource);
  Attributes& attributes = resource.attributes;
  if (!service.empty() && !scratch.push(attributes, {"service.name", Value::of(service)})) return fail(no_room());
  WEIR_TRY(copy_tags(tags, scratch, attributes));
  if (const Value* host = attributes.find("hostname"); host != nullptr && attributes.find("host.name") == nullptr) {
    Value name = *host;
    attributes.remove("hostname");
    if (!scratch.push(attributes, {"host.name", name})) return fail(no_room());
  }
  if (const Value* version = attributes.find("jaeger.version"); version != nullptr && attributes.find("opencensus.exporterversion") == nullptr) {
    std::string text = "Jaeger-" + std::string(text_of(version));
    attributes.remove("jaeger.version");
    if (!scratch.take(text.size()) || !scratch.push(attributes, {"opencensus.exporterversion", Value::of(scratch.arena().copy(text))}))
      return fail(no_room());
  }
  return out.resource(resource);
}

Result<> add_span(TraceWriter& out, TraceWriter::Group group, Scratch& scratch, Span& span, Dialect dialect) {
  otlp::Span to{.trace_id = span.trace_id, .span_id = span.span_id, .name = span.name, .flags = span.sampled ? 1u : 0u};
  to.start_time_unix_nano = span.start_unix_nano, to.end_time_unix_nano = span.end_unix_nano;
  to.parent_span_id = parent_of(span);
  WEIR_TRY(copy_tags(span.tags, scratch, to.attributes));
  otlp::Scope scope;
  if (dialect == Dialect::proto) scope = take_scope(to.attributes);
  if (auto kind = take_text(to.attributes, "span.kind")) to.kind = kind_of(*kind);
  set_status(to);
  if (dialect == Dialect::proto)
    if (auto state = take_text(to.attributes, "w3c.tracestate")) to.trace_state = *state;
  WEIR_TRY(add_events(span, to, scratch));
  WEIR_TRY(add_links(span, to, scratch));
  return out.add(group, scope, to);
}

}  // namespace weir::jaeger
