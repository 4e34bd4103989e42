#include <charconv>

#include "base/gates.h"
#include "components/shared/zipkin/model.h"

namespace weir::zipkin {
namespace {

using otlp::Attributes;
using otlp::Value;

// False for nearly all keys that is_resource_key() is false for.
bool may_be_resource_key(std::string_view key) {
  static constexpr std::string_view beginnings[] = {"aw", "cl", "co", "de", "fa", "ho", "k8", "op", "os", "pr", "se", "te", "we"};
  if (key.size() < 2) return false;
  for (auto beginning : beginnings)
    if (key[0] == beginning[0] && key[1] == beginning[1]) return true;
  return false;
}

// Tags of these names are about the resource, not about the span.
bool is_resource_key(std::string_view key) {
  if (!may_be_resource_key(key)) return false;
  static constexpr std::array<std::string_view, 88> keys = [] {
    std::array<std::string_view, 88> out = {
        "aws.ecs.cluster.arn", "aws.ecs.container.arn", "aws.ecs.launchtype", "aws.ecs.task.arn", "aws.ecs.task.family", "aws.ecs.task.revision",
        "aws.eks.cluster.arn", "aws.log.group.arns", "aws.log.group.names", "aws.log.stream.arns", "aws.log.stream.names", "cloud.account.id",
        "cloud.availability_zone", "cloud.platform", "cloud.provider", "cloud.region", "cloud.resource_id", "container.id", "container.image.name",
        "container.image.tag", "container.name", "container.runtime", "deployment.environment", "device.id", "device.manufacturer",
        "device.model.identifier", "device.model.name", "faas.id", "faas.instance", "faas.max_memory", "faas.name", "faas.version", "host.arch",
        "host.id", "host.image.id", "host.image.name", "host.image.version", "host.name", "host.type", "k8s.cluster.name", "k8s.container.name",
        "k8s.container.restart_count", "k8s.cronjob.name", "k8s.cronjob.uid", "k8s.daemonset.name", "k8s.daemonset.uid", "k8s.deployment.name",
        "k8s.deployment.uid", "k8s.job.name", "k8s.job.uid", "k8s.namespace.name", "k8s.node.name", "k8s.node.uid", "k8s.pod.name", "k8s.pod.uid",
        "k8s.replicaset.name", "k8s.replicaset.uid", "k8s.statefulset.name", "k8s.statefulset.uid", "opencensus.exporterversion",
        "opencensus.resourcetype", "opencensus.starttime", "os.description", "os.name", "os.type", "os.version", "process.command",
        "process.command_args", "process.command_line", "process.executable.name", "process.executable.path", "process.owner", "process.pid",
        "process.runtime.description", "process.runtime.name", "process.runtime.version", "service.instance.id", "service.name", "service.namespace",
        "service.version", "telemetry.auto.version", "telemetry.sdk.language", "telemetry.sdk.name", "telemetry.sdk.version",
        "webengine.description", "webengine.name", "webengine.version"};
    std::ranges::sort(out);
    return out;
  }();
  return std::ranges::binary_search(keys, key);
}

// A tag that means something else than an attribute of the span, besides those about the resource.
bool is_special(std::string_view key) {
  return key.starts_with("otel.") || key.starts_with("otlp.") || key == "w3c.tracestate" || key == "span.kind" || key == "error";
}

std::optional<std::string_view> take(Attributes& tags, std::string_view key) {
  const Value* value = tags.find(key);
  if (value == nullptr) return std::nullopt;
  std::string_view text = value->text;
  tags.remove(key);
  return text;
}

// Takes the library's name and version out of the tags; the newer spelling wins.
otlp::Scope take_scope(Attributes& tags) {
  otlp::Scope scope;
  auto old_name = take(tags, "otel.library.name"), name = take(tags, "otel.scope.name");
  auto old_version = take(tags, "otel.library.version"), version = take(tags, "otel.scope.version");
  scope.name = name.value_or(old_name.value_or(""));
  if (!scope.name.empty()) scope.version = version.value_or(old_version.value_or(""));
  return scope;
}

void set_status(Attributes& tags, otlp::Span& to) {
  if (auto code = take(tags, "otel.status_code")) {
    if (*code == "STATUS_CODE_OK" || *code == "Ok") to.status_code = otlp::Span::ok;
    if (*code == "STATUS_CODE_ERROR" || *code == "Error") to.status_code = otlp::Span::error;
    if (auto text = take(tags, "otel.status_description")) to.status_message = *text;
  }
  const Value* error = tags.find("error");
  if (error == nullptr) return;
  to.status_code = otlp::Span::error;
  if (error->text == "true") tags.remove("error");
}

std::optional<std::uint32_t> count_of(std::string_view text) {
  std::uint32_t out = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(out) : std::nullopt;
}

// A JSON object as attributes; whole numbers as integers, lists and objects are left out.
Result<> add_json(std::string_view json, Scratch& scratch, Attributes& out) {
  simdjson::dom::parser parser;
  if (!scratch.take(12 * json.size())) return fail(no_room());
  simdjson::dom::element root;
  if (auto error = parser.parse(json.data(), json.size()).get(root)) return fail(malformed(simdjson::error_message(error)));
  if (root.is_null()) return {};
  simdjson::dom::object object;
  if (root.get(object)) return fail(malformed("attributes of a link or an event are no JSON object"));
  AttributeSetter setter(scratch, out);
  for (auto [key, value] : object) {
    std::string_view text;
    double number;
    bool truth;
    Value to;
    if (!value.get(text)) to = Value::of(scratch.arena().copy(text));
    else if (!value.get(truth)) to = Value::of(truth);
    else if (!value.get(number)) to = std::fmod(number, 1) == 0 && std::abs(number) < 9.2e18 ? Value::of(static_cast<std::int64_t>(number)) : Value::of(number);
    else continue;
    if (!scratch.take(key.size() + text.size()) || !setter.set(scratch.arena().copy(key), to)) return fail(no_room());
  }
  return {};
}

// "trace|span|state|{attributes}|dropped", as exporters of OTLP write links into tags otlp.link.0, .1, ...
Result<> add_link(std::string_view text, Scratch& scratch, otlp::Span& to) {
  std::array<std::string_view, 3> head;
  std::string_view rest = text;
  for (auto& part : head) {
    auto bar = rest.find('|');
    if (bar == rest.npos) return {};
    part = rest.substr(0, bar);
    rest.remove_prefix(bar + 1);
  }
  auto last = rest.rfind('|');
  if (last == rest.npos) return {};
  otlp::Span::Link link{.trace_state = head[2]};
  auto id = [](std::string_view digits, auto& out) { return digits.empty() || (digits.size() == 2 * out.bytes.size() && read_hex(digits, out.bytes)); };
  auto dropped = count_of(rest.substr(last + 1));
  if (!id(head[0], link.trace_id) || !id(head[1], link.span_id) || !dropped) return fail(malformed("a link's ids or count"));
  link.dropped_attributes_count = *dropped;
  WEIR_TRY(add_json(rest.substr(0, last), scratch, link.attributes));
  if (!scratch.push(to.links, link)) return fail(no_room());
  return {};
}

Result<> take_links(Attributes& tags, Scratch& scratch, otlp::Span& to) {
  constexpr int most_links = 128;
  constexpr std::string_view first = "otlp.link.0";
  for (int i = 0; i < most_links; ++i) {
    auto text = i == 0 ? take(tags, first) : take(tags, fmt::format("otlp.link.{}", i));
    if (!text) break;
    WEIR_TRY(add_link(*text, scratch, to));
  }
  return {};
}

Result<> take_special(Span& span, Scratch& scratch, otlp::Span& to) {
  if (auto state = take(span.tags, "w3c.tracestate")) to.trace_state = *state;
  if (span.kind == otlp::Span::unspecified)
    if (auto word = take(span.tags, "span.kind"); word && *word == "internal") to.kind = otlp::Span::internal;
  set_status(span.tags, to);
  return take_links(span.tags, scratch, to);
}

// "name" or "name|{attributes}|dropped".
Result<> add_event(const Annotation& annotation, Scratch& scratch, otlp::Span& to) {
  otlp::Span::Event event{.time_unix_nano = annotation.time_unix_nano};
  auto first = annotation.value.find('|'), last = annotation.value.rfind('|');
  event.name = annotation.value.substr(0, first);
  if (first != last) {
    auto dropped = count_of(annotation.value.substr(last + 1));
    if (!dropped) return fail(malformed("an annotation's count of dropped attributes"));
    event.dropped_attributes_count = *dropped;
    WEIR_TRY(add_json(annotation.value.substr(first + 1, last - first - 1), scratch, event.attributes));
  }
  if (!scratch.push(to.events, event)) return fail(no_room());
  return {};
}

// The tags are the attributes from here on.
Result<> add_attributes(Span& span, const Rules& rules, Scratch& scratch, otlp::Span& to) {
  to.attributes = span.tags;
  if (rules.parse_tags)
    for (auto& tag : to.attributes) tag.value = parsed_tag(tag.value.text, true);
  AttributeSetter setter(scratch, to.attributes);
  bool room = true;
  auto set = [&](std::string_view key, Value value) { room = room && setter.set(key, value); };
  auto set_named = [&](std::string_view old_name, std::string_view new_name, std::string_view text) {
    if (text.empty()) return;
    if (rules.old_names) set(old_name, Value::of(text));
    if (rules.new_names) set(new_name, Value::of(text));
  };
  set_named("net.host.ip", "network.local.address", span.local.ip);
  if (span.local.port > 0) set("net.host.port", Value::of(span.local.port));
  set_named("peer.service", "service.peer.name", span.remote.service);
  set_named("net.peer.ip", "network.peer.address", span.remote.ip);
  if (span.remote.port > 0) set("net.peer.port", Value::of(span.remote.port));
  if (!span.has_start) set("otel.zipkin.absentField.startTime", Value::of(true));
  return room ? Result<>() : fail(no_room());
}

bool digits_only(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Value parsed_tag(std::string_view text, bool parse_tags) {
  if (!parse_tags) return Value::of(text);
  if (text == "true" || text == "false") return Value::of(text == "true");
  std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits_only(digits)) {
    std::int64_t number = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc::result_out_of_range) number = text.starts_with('-') ? INT64_MIN : INT64_MAX;
    return Value::of(number);
  }
  auto point = digits.find('.');
  if (point == digits.npos || !digits_only(digits.substr(0, point)) || !digits_only(digits.substr(point + 1))) return Value::of(text);
  double number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return Value::of(number);
}

Rules Rules::make(bool parse_tags) {
  return {.parse_tags = parse_tags,
          .old_names = !gates::enabled("pkg.translator.zipkin.DontEmitV0NetworkConventions"),
          .new_names = gates::enabled("pkg.translator.zipkin.EmitV1NetworkConventions")};
}

// Moves the tags that are about the resource out of the span.
Result<TraceWriter::Group> Translator::group_of(Span& span, std::string_view service_key, Scratch& scratch) {
  otlp::Resource resource;
  bool room = true;
  if (!span.local.service.empty() && span.local.service != no_service_name) room = scratch.push(resource.attributes, {service_key, Value::of(span.local.service)});
  if (std::ranges::any_of(span.tags, [](auto& tag) { return is_resource_key(tag.key); })) {
    Attributes rest;
    AttributeSetter setter(scratch, resource.attributes);
    for (auto& tag : span.tags) room = room && (is_resource_key(tag.key) ? setter.set(tag.key, tag.value) : scratch.push(rest, tag));
    span.tags = rest;
  }
  if (!room) return fail(no_room());
  bytes_.clear();
  encode(resource, bytes_);
  // Spans of one service come one after another.
  if (last_ != nullptr && last_->first == bytes_.view()) return last_->second;
  std::string key(bytes_.view());
  if (auto known = groups_.find(key); known != groups_.end()) {
    last_ = &*known;
    return last_->second;
  }
  if (!charge_.grow(key.size() + 128)) return fail(no_room());
  WEIR_ASSIGN(auto group, writer_.resource(resource));
  last_ = &*groups_.emplace(std::move(key), group).first;
  return group;
}

Result<> Translator::add(Span& span, Scratch& scratch) {
  bool special = std::ranges::any_of(span.tags, [](auto& tag) { return is_special(tag.key); });
  otlp::Scope scope;
  std::string_view service_key = "service.name";
  if (special) {
    scope = take_scope(span.tags);
    if (auto source = take(span.tags, "otlp.service.name.source"); source && !source->empty()) service_key = *source;
  }
  WEIR_ASSIGN(auto group, group_of(span, service_key, scratch));
  otlp::Span to{.trace_id = span.trace_id, .span_id = span.span_id, .name = span.name, .kind = span.kind};
  if (span.parent_span_id != span.span_id) to.parent_span_id = span.parent_span_id;
  if (special) WEIR_TRY(take_special(span, scratch, to));
  WEIR_TRY(add_attributes(span, rules_, scratch, to));
  to.start_time_unix_nano = span.start_unix_nano;
  to.end_time_unix_nano = span.start_unix_nano + span.duration_nano;
  for (auto& annotation : span.annotations) WEIR_TRY(add_event(annotation, scratch, to));
  return writer_.add(group, scope, to);
}

}  // namespace weir::zipkin
