#include "components/shared/zipkin/span_writer.h"

#include <arpa/inet.h>

#include <charconv>

#include "base/text.h"
#include "components/shared/zipkin/model.h"

namespace weir::zipkin {
namespace {

using otlp::Attributes;
using otlp::Value;

// Microseconds, half of one upwards.
std::uint64_t rounded(std::uint64_t nanos) { return nanos / 1000 + (nanos % 1000 >= 500); }

std::string_view text_of(const Value& value, Arena& arena) {
  if (value.is(otlp::ValueType::string)) return value.text;
  return arena.copy(to_text(value));
}

std::string_view take(Attributes& tags, std::string_view key) {
  const Value* there = tags.find(key);
  if (there == nullptr) return {};
  std::string_view text = there->text;
  tags.remove(key);
  return text;
}

void set(Attributes& tags, Arena& arena, std::string_view key, std::string_view text) { tags.set(arena, key, Value::of(text)); }

struct Address {
  int family = 0;  // 0: none
  std::array<unsigned char, 16> bytes{};
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), family == AF_INET ? 4u : 16u}; }
};

Address address_of(std::string_view text) {
  Address out;
  char copy[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof copy) return out;
  copy[text.copy(copy, text.size())] = 0;
  int family = text.find(':') == text.npos ? AF_INET : AF_INET6;
  if (inet_pton(family, copy, out.bytes.data()) == 1) out.family = family;
  return out;
}

struct Peer {
  std::string_view service;
  Address address;
  std::uint16_t port = 0;
  bool present() const { return !service.empty() || address.family != 0; }
};

// Moves the tags that say where an endpoint is into it. What is no address or port stays a tag.
void take_place(Attributes& tags, std::initializer_list<std::string_view> address_keys, std::string_view port_key, Peer& to) {
  for (auto key : address_keys) {
    const Value* value = tags.find(key);
    if (value == nullptr || to.address.family != 0) continue;
    to.address = address_of(value->text);
    if (to.address.family != 0) tags.remove(key);
  }
  const Value* port = tags.find(port_key);
  if (port == nullptr || !to.present()) return;
  auto [end, error] = std::from_chars(port->text.data(), port->text.data() + port->text.size(), to.port);
  if (error == std::errc() && end == port->text.data() + port->text.size()) tags.remove(port_key);
  else to.port = 0;
}

std::string_view kind_word(std::int32_t kind) {
  switch (kind) {
    case otlp::Span::client: return "CLIENT";
    case otlp::Span::server: return "SERVER";
    case otlp::Span::producer: return "PRODUCER";
    case otlp::Span::consumer: return "CONSUMER";
    default: return {};
  }
}

std::uint64_t kind_number(std::int32_t kind) {  // of zipkin.proto3
  switch (kind) {
    case otlp::Span::client: return 1;
    case otlp::Span::server: return 2;
    case otlp::Span::producer: return 3;
    case otlp::Span::consumer: return 4;
    default: return 0;
  }
}

std::string json_of(const Attributes& attributes) {
  Attributes copy = attributes;
  return to_text(Value::of(&copy));
}

// "name", or "name|{attributes}|dropped" where there is more to say.
std::string_view annotation_of(const otlp::Span::Event& event, Arena& arena) {
  if (event.attributes.empty() && event.dropped_attributes_count == 0) return event.name;
  return arena.copy(fmt::format("{}|{}|{}", event.name, json_of(event.attributes), event.dropped_attributes_count));
}

std::string link_of(const otlp::Span::Link& link) {
  auto hex = [](const auto& id) { return id.empty() ? std::string() : to_hex(id.view()); };
  return fmt::format("{}|{}|{}|{}|{}", hex(link.trace_id), hex(link.span_id), link.trace_state, json_of(link.attributes), link.dropped_attributes_count);
}

void set_status(const otlp::Span& span, Attributes& tags, Arena& arena) {
  if (span.status_code == otlp::Span::error) set(tags, arena, "error", "true");
  else tags.remove("error");  // Zipkin takes every span with this tag for a failed one
  if (span.status_code != otlp::Span::ok && span.status_code != otlp::Span::error) return;
  set(tags, arena, "otel.status_code", span.status_code == otlp::Span::ok ? "STATUS_CODE_OK" : "STATUS_CODE_ERROR");
  if (!span.status_message.empty()) set(tags, arena, "otel.status_description", span.status_message);
}

void append_member(std::string& out, std::string_view key, std::string_view text) {
  out += '"', out += key, out += "\":";
  append_json_string(out, text);
  out += ',';
}

void append_id(std::string& out, std::string_view key, std::string_view bytes) {
  out += '"', out += key, out += "\":\"";
  append_hex(out, bytes);
  out += "\",";
}

void close_object(std::string& out) {
  if (out.back() == ',') out.back() = '}';
  else out += '}';
}

void append_endpoint(std::string& out, std::string_view key, const Peer& peer) {
  if (!peer.present()) return;
  out += '"', out += key, out += "\":{";
  if (!peer.service.empty()) append_member(out, "serviceName", to_lower(peer.service));
  char text[INET6_ADDRSTRLEN];
  if (peer.address.family != 0) append_member(out, peer.address.family == AF_INET ? "ipv4" : "ipv6", inet_ntop(peer.address.family, peer.address.bytes.data(), text, sizeof text));
  if (peer.port != 0) out += fmt::format("\"port\":{},", peer.port);
  close_object(out);
  out += ',';
}

void put_endpoint(otlp::Writer& out, std::uint32_t field, const Peer& peer) {
  if (!peer.present()) return;
  std::size_t mark = out.size();
  out.put_number(4, peer.port);
  if (peer.address.family != 0) out.bytes(peer.address.family == AF_INET ? 2 : 3, peer.address.view());
  out.put_bytes(1, peer.service);
  out.close(field, mark);
}

}  // namespace

struct SpanWriter::Model {
  const otlp::Span& span;
  Attributes tags;
  Peer local, remote;
  ArenaVector<Annotation> annotations;
};

std::string_view content_type(Format format) { return format == Format::json ? "application/json" : "application/x-protobuf"; }

SpanWriter::SpanWriter(Format format, std::string default_service_name)
    : format_(format), default_service_(default_service_name.empty() ? std::string(no_service_name) : std::move(default_service_name)) {}

void SpanWriter::begin(const otlp::Resource& resource, const otlp::Scope& scope) {
  base_scratch_.reset();
  base_ = {};
  Arena& arena = base_scratch_.arena();
  AttributeSetter setter(base_scratch_, base_);
  auto add = [&](std::string_view key, std::string_view text) { (void)setter.set(key, Value::of(text)); };
  for (auto& kv : resource.attributes) add(kv.key, text_of(kv.value, arena));
  if (Value* id = base_.find("cloud.resource_id")) {
    if (base_.find("faas.id") == nullptr) add("faas.id", id->text);
    base_.remove("cloud.resource_id");
  }
  take_service();
  AttributeSetter scoped(base_scratch_, base_);  // the list has changed behind the first one's back
  auto add_scoped = [&](std::string_view key, std::string_view text) { (void)scoped.set(key, Value::of(text)); };
  for (auto& kv : scope.attributes) add_scoped(kv.key, text_of(kv.value, arena));
  if (!scope.name.empty()) add_scoped("otel.library.name", scope.name);
  if (!scope.version.empty()) add_scoped("otel.library.version", scope.version);
}

// The local service: the first of these that the resource has. Receivers put it back under the name it had.
void SpanWriter::take_service() {
  service_ = default_service_;
  for (std::string_view key : {"service.name", "faas.name", "k8s.deployment.name", "process.executable.name"}) {
    if (base_.find(key) == nullptr) continue;
    service_ = take(base_, key);
    if (key != "service.name") set(base_, base_scratch_.arena(), "otlp.service.name.source", key);
    return;
  }
}

bool SpanWriter::add(const otlp::Span& span) {
  if (span.trace_id.empty() || span.span_id.empty()) return false;
  scratch_.reset();
  Model model = model_of(span);
  format_ == Format::json ? write_json(model) : write_proto(model);
  ++spans_;
  return true;
}

SpanWriter::Model SpanWriter::model_of(const otlp::Span& span) {
  Arena& arena = scratch_.arena();
  Model out{.span = span};
  Attributes& tags = out.tags;
  {
    AttributeSetter setter(scratch_, tags);
    auto add = [&](std::string_view key, std::string_view text) { (void)setter.set(key, Value::of(text)); };
    for (auto& kv : base_) add(kv.key, kv.value.text);
    for (auto& kv : span.attributes) add(kv.key, text_of(kv.value, arena));
  }
  if (const Value* code = tags.find("http.response.status_code"); code != nullptr && tags.find("http.status_code") == nullptr)
    set(tags, arena, "http.status_code", code->text);
  if (!span.trace_state.empty()) set(tags, arena, "w3c.tracestate", span.trace_state);
  if (span.kind == otlp::Span::internal) set(tags, arena, "span.kind", "internal");
  out.local.service = service_;
  take_place(tags, {"network.local.address", "net.host.ip"}, "net.host.port", out.local);
  out.remote.service = take(tags, "service.peer.name");
  if (out.remote.service.empty()) out.remote.service = take(tags, "peer.service");
  take_place(tags, {"network.peer.address", "net.peer.ip"}, "net.peer.port", out.remote);
  set_status(span, tags, arena);
  for (auto& event : span.events) out.annotations.push_back(arena, {event.time_unix_nano, annotation_of(event, arena)});
  AttributeSetter setter(scratch_, tags);
  for (std::size_t i = 0; i < span.links.size(); ++i)
    (void)setter.set(arena.copy(fmt::format("otlp.link.{}", i)), Value::of(arena.copy(link_of(span.links[i]))));
  return out;
}

namespace {

bool has_start(const otlp::Span& span) { return span.start_time_unix_nano >= 1'000'000'000; }
std::uint64_t duration_of(const otlp::Span& span) {
  return span.end_time_unix_nano > span.start_time_unix_nano ? span.end_time_unix_nano - span.start_time_unix_nano : 0;
}

}  // namespace

void SpanWriter::write_json(const Model& model) {
  const otlp::Span& span = model.span;
  body_ += body_.empty() ? "[{" : ",{";
  std::string_view trace = span.trace_id.view();
  bool narrow = trace.substr(0, 8) == std::string_view("\0\0\0\0\0\0\0", 8);
  append_id(body_, "traceId", narrow ? trace.substr(8) : trace);
  append_id(body_, "id", span.span_id.view());
  if (!span.parent_span_id.empty()) append_id(body_, "parentId", span.parent_span_id.view());
  if (!span.name.empty()) append_member(body_, "name", to_lower(span.name));
  if (auto word = kind_word(span.kind); !word.empty()) append_member(body_, "kind", word);
  if (has_start(span)) body_ += fmt::format("\"timestamp\":{},", rounded(span.start_time_unix_nano));
  if (auto nanos = duration_of(span)) body_ += fmt::format("\"duration\":{},", std::max<std::uint64_t>(1, rounded(nanos)));
  append_endpoint(body_, "localEndpoint", model.local);
  append_endpoint(body_, "remoteEndpoint", model.remote);
  if (!model.annotations.empty()) {
    body_ += "\"annotations\":[";
    for (auto& annotation : model.annotations) {
      body_ += fmt::format("{{\"timestamp\":{},", rounded(annotation.time_unix_nano));
      append_member(body_, "value", annotation.value);
      close_object(body_);
      body_ += ',';
    }
    body_.back() = ']';
    body_ += ',';
  }
  if (!model.tags.empty()) {
    body_ += "\"tags\":{";
    for (auto& tag : model.tags) {
      append_json_string(body_, tag.key);
      body_ += ':';
      append_json_string(body_, tag.value.text);
      body_ += ',';
    }
    body_.back() = '}';
  }
  close_object(body_);
}

// The numbers of the fields are in v2.cc, which reads them.
void SpanWriter::write_proto(const Model& model) {
  const otlp::Span& span = model.span;
  otlp::Writer out(512);
  for (auto& tag : model.tags) {
    std::size_t mark = out.size();
    out.bytes(2, tag.value.text), out.bytes(1, tag.key), out.close(11, mark);
  }
  for (std::size_t i = model.annotations.size(); i-- > 0;) {
    std::size_t mark = out.size();
    out.put_bytes(2, model.annotations[i].value), out.put_fixed64(1, model.annotations[i].time_unix_nano / 1000), out.close(10, mark);
  }
  put_endpoint(out, 9, model.remote);
  put_endpoint(out, 8, model.local);
  out.put_number(7, duration_of(span) / 1000);
  if (has_start(span)) out.fixed64(6, rounded(span.start_time_unix_nano));
  out.put_bytes(5, span.name);
  out.put_number(4, kind_number(span.kind));
  out.bytes(3, span.span_id.view());
  if (!span.parent_span_id.empty()) out.bytes(2, span.parent_span_id.view());
  out.bytes(1, span.trace_id.view());
  out.close(1, 0);
  body_ += out.view();
}

Bytes SpanWriter::finish() {
  if (format_ == Format::json) body_ += body_.empty() ? "[]" : "]";
  spans_ = 0;
  return Bytes::take(std::exchange(body_, {}));
}

std::optional<Bytes> to_zipkin(otlp::Batch& batch, Format format, std::size_t& invalid, std::size_t most) {
  SpanWriter writer(format, {});
  for (auto& group : batch.groups())
    for (auto& scope : group.scopes) {
      writer.begin(group.resource.read(batch.arena()), scope.scope.read(batch.arena()));
      for (auto& item : scope.items) {
        invalid += !writer.add(item.read<otlp::Span>(batch.arena()));
        if (writer.size() > most) return std::nullopt;
      }
    }
  Bytes list = writer.finish();
  if (list.size() > most) return std::nullopt;
  return list;
}

}  // namespace weir::zipkin
