#include "components/shared/jaeger/span_writer.h"

#include "base/text.h"
#include "base/time.h"
#include "components/shared/jaeger/model.h"

namespace weir::jaeger {
namespace {

using otlp::Value;
using otlp::ValueType;

constexpr std::string_view no_service = "OTLPResourceNoServiceName";
constexpr std::int64_t second = 1'000'000'000;

struct Model {
  const otlp::Span& span;
  std::string_view service;
  ArenaVector<Tag> process_tags, tags;
  ArenaVector<Reference> references;
  ArenaVector<Log> logs;
};

void add(ArenaVector<Tag>& tags, Arena& arena, std::string_view key, Value value) {
  if (value.is(ValueType::array) || value.is(ValueType::map)) value = Value::of(arena.copy(to_text(value)));
  tags.push_back(arena, {key, value});
}

void add_all(ArenaVector<Tag>& tags, Arena& arena, const otlp::Attributes& attributes) {
  for (auto& kv : attributes) add(tags, arena, kv.key == "http.response.status_code" ? std::string_view("http.status_code") : kv.key, kv.value);
}

std::string_view kind_word(std::int32_t kind) {
  constexpr std::string_view words[] = {"", "internal", "server", "client", "producer", "consumer"};
  return kind >= 0 && kind < 6 ? words[kind] : "";
}

void add_tags(Model& out, Arena& arena, const otlp::Scope& scope) {
  const otlp::Span& span = out.span;
  if (!scope.name.empty()) add(out.tags, arena, "otel.scope.name", Value::of(scope.name));
  if (!scope.version.empty()) add(out.tags, arena, "otel.scope.version", Value::of(scope.version));
  add_all(out.tags, arena, span.attributes);
  if (auto word = kind_word(span.kind); !word.empty()) add(out.tags, arena, "span.kind", Value::of(word));
  bool error = span.status_code == otlp::Span::error;
  if (error || span.status_code == otlp::Span::ok) add(out.tags, arena, "otel.status_code", Value::of(error ? std::string_view("ERROR") : "OK"));
  if (error) add(out.tags, arena, "error", Value::of(true));
  if (!span.status_message.empty()) add(out.tags, arena, "otel.status_description", Value::of(span.status_message));
  if (!span.trace_state.empty()) add(out.tags, arena, "w3c.tracestate", Value::of(span.trace_state));
}

// The parent comes first: backends look for it there.
void add_references(Model& out, Arena& arena) {
  const otlp::Span& span = out.span;
  bool has_parent = !span.parent_span_id.empty();
  if (has_parent) out.references.push_back(arena, {true, span.trace_id, span.parent_span_id});
  for (auto& link : span.links) {
    const Value* type = link.attributes.find("opentracing.ref_type");
    bool child_of = type != nullptr && type->is(ValueType::string) && type->text == "child_of";
    if (has_parent && link.trace_id == span.trace_id && link.span_id == span.parent_span_id) out.references[0].child_of = child_of;
    else out.references.push_back(arena, {child_of, link.trace_id, link.span_id});
  }
}

Model model_of(const otlp::Resource& resource, const otlp::Scope& scope, const otlp::Span& span, Arena& arena) {
  Model out{.span = span};
  if (resource.attributes.empty()) out.service = no_service;
  for (auto& kv : resource.attributes) {
    if (kv.key != "service.name") add(out.process_tags, arena, kv.key, kv.value);
    else if (kv.value.is(ValueType::string)) out.service = kv.value.text;
  }
  add_tags(out, arena, scope);
  add_references(out, arena);
  for (auto& event : span.events) {
    Log log{.time_unix_nano = event.time_unix_nano};
    if (!event.name.empty() && event.attributes.find("event") == nullptr) add(log.fields, arena, "event", Value::of(event.name));
    add_all(log.fields, arena, event.attributes);
    out.logs.push_back(arena, log);
  }
  return out;
}

// Nanoseconds as they are stored; a span may end before it starts.
std::int64_t duration_of(const otlp::Span& span) { return static_cast<std::int64_t>(span.end_time_unix_nano - span.start_time_unix_nano); }

// The numbers of the fields are in proto.cc, which reads them.
class ProtoWriter {
 public:
  std::string write(const Model& model) {
    const otlp::Span& span = model.span;
    process(model);
    for (std::size_t i = model.logs.size(); i-- > 0;) log(model.logs[i]);
    tags(8, model.tags);
    time(7, duration_of(span));
    time(6, static_cast<std::int64_t>(span.start_time_unix_nano));
    out_.put_number(5, span.flags & 1);
    for (std::size_t i = model.references.size(); i-- > 0;) reference(model.references[i]);
    out_.put_bytes(3, span.name);
    out_.bytes(2, span.span_id.view());
    out_.bytes(1, span.trace_id.view());
    return std::string(out_.view());
  }

 private:
  void time(std::uint32_t field, std::int64_t nanos) {
    std::size_t mark = out_.size();
    out_.put_number(2, static_cast<std::uint64_t>(nanos % second));
    out_.put_number(1, static_cast<std::uint64_t>(nanos / second));
    out_.close(field, mark);
  }
  void tags(std::uint32_t field, const ArenaVector<Tag>& tags) {
    for (std::size_t i = tags.size(); i-- > 0;) {
      std::size_t mark = out_.size();
      value(tags[i].value);
      out_.put_bytes(1, tags[i].key);
      out_.close(field, mark);
    }
  }
  void value(const Value& value) {
    switch (value.type) {
      case ValueType::boolean: out_.put_number(4, value.boolean), out_.number(2, 1); break;
      case ValueType::integer: out_.put_number(5, static_cast<std::uint64_t>(value.integer)), out_.number(2, 2); break;
      case ValueType::real: out_.put_fixed64(6, std::bit_cast<std::uint64_t>(value.real)), out_.number(2, 3); break;
      case ValueType::bytes: out_.put_bytes(7, value.text), out_.number(2, 4); break;
      case ValueType::string: out_.put_bytes(3, value.text); break;
      default: break;
    }
  }
  void log(const Log& log) {
    std::size_t mark = out_.size();
    tags(2, log.fields);
    time(1, static_cast<std::int64_t>(log.time_unix_nano));
    out_.close(9, mark);
  }
  void reference(const Reference& reference) {
    std::size_t mark = out_.size();
    out_.put_number(3, !reference.child_of);
    out_.bytes(2, reference.span_id.view()), out_.bytes(1, reference.trace_id.view());
    out_.close(4, mark);
  }
  void process(const Model& model) {
    std::size_t mark = out_.size();
    tags(2, model.process_tags);
    out_.put_bytes(1, model.service);
    out_.close(10, mark);
  }

  otlp::Writer out_{512};
};

// 0, 3, 6 or 9 digits, as protobuf's JSON mapping has them.
std::string fraction(std::uint64_t nanos) {
  std::string digits = fmt::format(".{:09}", nanos);
  for (int i = 0; i < 3 && digits.ends_with("000"); ++i) digits.resize(digits.size() - 3);
  return digits == "." ? "" : digits;
}

class JsonWriter {
 public:
  std::string write(const Model& model) {
    const otlp::Span& span = model.span;
    out_ = '{';
    member("traceId", encode_base64(span.trace_id.view()));
    member("spanId", encode_base64(span.span_id.view()));
    if (!span.name.empty()) member("operationName", span.name);
    list("references", model.references, [this](const Reference& reference) {
      member("traceId", encode_base64(reference.trace_id.view()));
      member("spanId", encode_base64(reference.span_id.view()));
      if (!reference.child_of) member("refType", "FOLLOWS_FROM");
    });
    if (span.flags & 1) out_ += "\"flags\":1,";
    member("startTime", time(span.start_time_unix_nano));
    member("duration", duration(duration_of(span)));
    tags("tags", model.tags);
    list("logs", model.logs, [this](const Log& log) {
      member("timestamp", time(log.time_unix_nano));
      tags("fields", log.fields);
    });
    out_ += "\"process\":{";
    if (!model.service.empty()) member("serviceName", model.service);
    tags("tags", model.process_tags);
    close();
    close();
    return std::move(out_);
  }

 private:
  static std::string time(std::uint64_t nanos) {
    std::string whole = format_rfc3339(static_cast<UnixNanos>(nanos - nanos % second));
    if (whole.ends_with('Z')) whole.pop_back();
    return whole + fraction(nanos % second) + "Z";
  }
  static std::string duration(std::int64_t nanos) {
    auto size = nanos < 0 ? -static_cast<std::uint64_t>(nanos) : static_cast<std::uint64_t>(nanos);
    return fmt::format("{}{}{}s", nanos < 0 ? "-" : "", size / second, fraction(size % second));
  }
  void member(std::string_view key, std::string_view text) {
    out_ += '"', out_ += key, out_ += "\":";
    append_json_string(out_, text);
    out_ += ',';
  }
  void close() {
    if (out_.back() == ',') out_.pop_back();
    out_ += '}';
  }
  template <class T, class Members>
  void list(std::string_view key, const ArenaVector<T>& elements, Members members) {
    if (elements.empty()) return;
    out_ += '"', out_ += key, out_ += "\":[";
    for (auto& element : elements) {
      out_ += '{';
      members(element);
      close();
      out_ += ',';
    }
    out_.back() = ']';
    out_ += ',';
  }
  void tags(std::string_view key, const ArenaVector<Tag>& all) {
    list(key, all, [this](const Tag& tag) {
      if (!tag.key.empty()) member("key", tag.key);
      value(tag.value);
    });
  }
  void value(const Value& value) {
    switch (value.type) {
      case ValueType::boolean:
        member("vType", "BOOL");
        if (value.boolean) out_ += "\"vBool\":true,";
        break;
      case ValueType::integer:
        member("vType", "INT64");
        if (value.integer != 0) member("vInt64", std::to_string(value.integer));
        break;
      case ValueType::real: {
        member("vType", "FLOAT64");
        std::string number = format_double(value.real);
        if (!std::isfinite(value.real)) member("vFloat64", number);
        else if (value.real != 0) out_ += "\"vFloat64\":" + number + ",";
        break;
      }
      case ValueType::bytes:
        member("vType", "BINARY");
        if (!value.text.empty()) member("vBinary", encode_base64(value.text));
        break;
      case ValueType::string:
        if (!value.text.empty()) member("vStr", value.text);
        break;
      default: break;
    }
  }

  std::string out_;
};

}  // namespace

std::string write_span(Format format, const otlp::Resource& resource, const otlp::Scope& scope, const otlp::Span& span) {
  Arena arena;
  Model model = model_of(resource, scope, span, arena);
  return format == Format::proto ? ProtoWriter().write(model) : JsonWriter().write(model);
}

std::string trace_id_text(const otlp::TraceId& id) {
  std::string_view bytes = id.view();
  bool narrow = bytes.substr(0, 8).find_first_not_of('\0') == bytes.npos;
  return to_hex(narrow ? bytes.substr(8) : bytes);
}

}  // namespace weir::jaeger
