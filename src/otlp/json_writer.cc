#include <cmath>

#include "base/text.h"
#include "otlp/json.h"

namespace weir::otlp {
namespace {

// Builds one JSON text. Objects and arrays put their own commas.
class Json {
 public:
  Json(std::string& out, Arena& arena) : out_(out), arena_(arena) {}

  void open(char bracket) {
    comma();
    out_ += bracket;
    first_ = true;
  }
  void close(char bracket) {
    out_ += bracket;
    first_ = false;
  }
  void key(std::string_view name) {
    comma();
    out_ += '"';
    out_ += name;
    out_ += "\":";
    first_ = true;  // the value needs no comma
  }

  void text(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    key(name);
    append_json_string(out_, value);
    first_ = false;
  }
  void text(std::string_view element) {  // of a list
    comma();
    append_json_string(out_, element);
  }
  void id(std::string_view name, const auto& value) {
    if (value.empty()) return;
    key(name);
    out_ += '"';
    append_hex(out_, value.view());
    out_ += '"';
    first_ = false;
  }
  template <class T>
  void number(std::string_view name, T value) {
    if (value == 0) return;
    key(name);
    raw_number(value);
  }
  // 64-bit integers are texts in OTLP JSON.
  template <class T>
  void long_number(std::string_view name, T value, bool always = false) {
    if (value == 0 && !always) return;
    key(name);
    raw_long(value);
  }
  void real(std::string_view name, double value) {
    key(name);
    raw_real(value);
  }
  void truth(std::string_view name, bool value) {
    if (!value) return;
    key(name);
    comma();
    out_ += "true";
  }

  void raw_number(auto value) {
    comma();
    fmt::format_to(std::back_inserter(out_), "{}", value);
  }
  void raw_long(auto value) {
    comma();
    fmt::format_to(std::back_inserter(out_), "\"{}\"", value);
  }
  void raw_real(double value) {
    comma();
    if (value == 0 && std::signbit(value))
      out_ += "-0.0";  // "-0" is read as the integer, which has no sign
    else if (std::isfinite(value))
      out_ += format_json_double(value);
    else
      out_ += '"' + format_double(value) + '"';
  }

  void any(const Value& value) {
    open('{');
    switch (value.type) {
      case ValueType::empty: break;
      case ValueType::string:
        key("stringValue");
        append_json_string(out_, value.text);
        first_ = false;
        break;
      case ValueType::boolean:
        key("boolValue");
        out_ += value.boolean ? "true" : "false";
        first_ = false;
        break;
      case ValueType::integer: long_number("intValue", value.integer, true); break;
      case ValueType::real: real("doubleValue", value.real); break;
      case ValueType::bytes:
        key("bytesValue");
        out_ += '"';
        append_base64(out_, value.text);
        out_ += '"';
        first_ = false;
        break;
      case ValueType::array: {
        Value copy = value;
        key("arrayValue");
        open('{');
        list("values", copy.array(arena_), [this](const Value& item) { any(item); });
        close('}');
        break;
      }
      case ValueType::map: {
        Value copy = value;
        key("kvlistValue");
        open('{');
        attributes("values", copy.map(arena_));
        close('}');
        break;
      }
    }
    close('}');
  }
  void attributes(std::string_view name, const Attributes& attributes) {
    list(name, attributes, [this](const KeyValue& kv) {
      open('{');
      key("key");
      append_json_string(out_, kv.key);
      first_ = false;
      key("value");
      any(kv.value);
      close('}');
    });
  }
  template <class List, class Each>
  void list(std::string_view name, List&& values, Each each) {
    if (values.size() == 0) return;
    key(name);
    open('[');
    for (auto& value : values) each(value);
    close(']');
  }

 private:
  void comma() {
    if (!std::exchange(first_, false)) out_ += ',';
  }
  std::string& out_;
  Arena& arena_;
  bool first_ = true;
};

// What the resource's attributes describe. Kept as bytes, as nothing here looks into it.
void write_entity_ref(std::string_view message, Json& out) {
  std::string_view schema_url, type;
  std::vector<std::string_view> ids, descriptions;
  Reader reader(message);
  while (reader.next()) {
    if (!reader.is(WireType::bytes)) {
      reader.skip();
      continue;
    }
    std::string_view text = reader.bytes();
    switch (reader.field()) {
      case 1: schema_url = text; break;
      case 2: type = text; break;
      case 3: ids.push_back(text); break;
      case 4: descriptions.push_back(text); break;
      default: break;
    }
  }
  out.open('{');
  out.text("schemaUrl", schema_url);
  out.text("type", type);
  out.list("idKeys", ids, [&](std::string_view text) { out.text(text); });
  out.list("descriptionKeys", descriptions, [&](std::string_view text) { out.text(text); });
  out.close('}');
}

void write(const Resource& r, Json& out) {
  out.attributes("attributes", r.attributes);
  out.number("droppedAttributesCount", r.dropped_attributes_count);
  constexpr std::uint32_t entity_refs = 3;
  std::vector<std::string_view> refs;
  for (std::string_view field : r.unknown)
    if (Reader reader(field); reader.next() && reader.field() == entity_refs && reader.is(WireType::bytes)) refs.push_back(reader.bytes());
  out.list("entityRefs", refs, [&](std::string_view ref) { write_entity_ref(ref, out); });
}

void write(const Scope& s, Json& out) {
  out.text("name", s.name);
  out.text("version", s.version);
  out.attributes("attributes", s.attributes);
  out.number("droppedAttributesCount", s.dropped_attributes_count);
}

void write(const Span::Event& e, Json& out) {
  out.open('{');
  out.long_number("timeUnixNano", e.time_unix_nano);
  out.text("name", e.name);
  out.attributes("attributes", e.attributes);
  out.number("droppedAttributesCount", e.dropped_attributes_count);
  out.close('}');
}

void write(const Span::Link& l, Json& out) {
  out.open('{');
  out.id("traceId", l.trace_id);
  out.id("spanId", l.span_id);
  out.text("traceState", l.trace_state);
  out.attributes("attributes", l.attributes);
  out.number("droppedAttributesCount", l.dropped_attributes_count);
  out.number("flags", l.flags);
  out.close('}');
}

void write(const Span& s, Json& out) {
  out.id("traceId", s.trace_id);
  out.id("spanId", s.span_id);
  out.text("traceState", s.trace_state);
  out.id("parentSpanId", s.parent_span_id);
  out.number("flags", s.flags);
  out.text("name", s.name);
  out.number("kind", s.kind);
  out.long_number("startTimeUnixNano", s.start_time_unix_nano);
  out.long_number("endTimeUnixNano", s.end_time_unix_nano);
  out.attributes("attributes", s.attributes);
  out.number("droppedAttributesCount", s.dropped_attributes_count);
  out.list("events", s.events, [&](const Span::Event& e) { write(e, out); });
  out.number("droppedEventsCount", s.dropped_events_count);
  out.list("links", s.links, [&](const Span::Link& l) { write(l, out); });
  out.number("droppedLinksCount", s.dropped_links_count);
  out.key("status");
  out.open('{');
  out.text("message", s.status_message);
  out.number("code", s.status_code);
  out.close('}');
}

void write(const LogRecord& l, Json& out) {
  out.long_number("timeUnixNano", l.time_unix_nano);
  out.long_number("observedTimeUnixNano", l.observed_time_unix_nano);
  out.number("severityNumber", l.severity_number);
  out.text("severityText", l.severity_text);
  out.key("body");
  out.any(l.body);
  out.attributes("attributes", l.attributes);
  out.number("droppedAttributesCount", l.dropped_attributes_count);
  out.number("flags", l.flags);
  out.id("traceId", l.trace_id);
  out.id("spanId", l.span_id);
  out.text("eventName", l.event_name);
}

void write_number(NumberType type, std::int64_t integer, double real, Json& out) {
  if (type == NumberType::integer) out.long_number("asInt", integer, true);
  if (type == NumberType::real) out.real("asDouble", real);
}

void write(const Exemplar& e, Json& out) {
  out.open('{');
  out.attributes("filteredAttributes", e.filtered_attributes);
  out.long_number("timeUnixNano", e.time_unix_nano);
  write_number(e.type, e.integer, e.real, out);
  out.id("spanId", e.span_id);
  out.id("traceId", e.trace_id);
  out.close('}');
}

void write_buckets(std::string_view name, const DataPoint::Buckets& b, Json& out) {
  if (!b.present) return;
  out.key(name);
  out.open('{');
  out.number("offset", b.offset);
  out.list("bucketCounts", b.counts, [&](std::uint64_t n) { out.raw_long(n); });
  out.close('}');
}

void write_statistics(const DataPoint& p, Json& out) {
  out.long_number("count", p.count);
  if (p.has_sum) out.real("sum", p.sum);
  if (p.has_min) out.real("min", p.min);
  if (p.has_max) out.real("max", p.max);
}

void write_point(const DataPoint& p, MetricType type, Json& out) {
  out.open('{');
  out.attributes("attributes", p.attributes);
  out.long_number("startTimeUnixNano", p.start_time_unix_nano);
  out.long_number("timeUnixNano", p.time_unix_nano);
  switch (type) {
    case MetricType::histogram:
      write_statistics(p, out);
      out.list("bucketCounts", p.bucket_counts, [&](std::uint64_t n) { out.raw_long(n); });
      out.list("explicitBounds", p.explicit_bounds, [&](double v) { out.raw_real(v); });
      break;
    case MetricType::exponential_histogram:
      write_statistics(p, out);
      out.number("scale", p.scale);
      out.long_number("zeroCount", p.zero_count);
      if (p.zero_threshold != 0) out.real("zeroThreshold", p.zero_threshold);
      write_buckets("positive", p.positive, out);
      write_buckets("negative", p.negative, out);
      break;
    case MetricType::summary:
      out.long_number("count", p.count);
      if (p.has_sum) out.real("sum", p.sum);
      out.list("quantileValues", p.quantiles, [&](const DataPoint::Quantile& q) {
        out.open('{');
        out.real("quantile", q.quantile);
        out.real("value", q.value);
        out.close('}');
      });
      break;
    default: write_number(p.type, p.integer, p.real, out);
  }
  out.list("exemplars", p.exemplars, [&](const Exemplar& e) { write(e, out); });
  out.number("flags", p.flags);
  out.close('}');
}

void write(const Metric& m, Json& out) {
  constexpr std::array<std::string_view, 6> names = {"", "gauge", "sum", "histogram", "exponentialHistogram", "summary"};
  out.text("name", m.name);
  out.text("description", m.description);
  out.text("unit", m.unit);
  if (m.type != MetricType::none) {
    out.key(names[static_cast<std::size_t>(m.type)]);
    out.open('{');
    out.list("dataPoints", m.points, [&](const DataPoint& p) { write_point(p, m.type, out); });
    if (m.type != MetricType::gauge && m.type != MetricType::summary)
      out.number("aggregationTemporality", static_cast<std::int32_t>(m.temporality));
    if (m.type == MetricType::sum) out.truth("isMonotonic", m.is_monotonic);
    out.close('}');
  }
  out.attributes("metadata", m.metadata);
}

struct Names {
  std::string_view resources, scopes, items;
};
constexpr Names names_of(Signal signal) {
  switch (signal) {
    case Signal::metrics: return {"resourceMetrics", "scopeMetrics", "metrics"};
    case Signal::logs: return {"resourceLogs", "scopeLogs", "logRecords"};
    default: return {"resourceSpans", "scopeSpans", "spans"};
  }
}

void write_item(Signal signal, Item& item, Arena& arena, Json& out) {
  out.open('{');
  if (signal == Signal::traces) write(item.read<Span>(arena), out);
  if (signal == Signal::metrics) write(item.read<Metric>(arena), out);
  if (signal == Signal::logs) write(item.read<LogRecord>(arena), out);
  out.close('}');
}

}  // namespace

std::string to_json(Batch& batch) {
  if (batch.signal() == Signal::profiles) return "{}";
  std::string text;
  text.reserve(batch.bytes() * 3);
  Arena& arena = batch.arena();
  Json out(text, arena);
  Names names = names_of(batch.signal());
  out.open('{');
  out.list(names.resources, batch.groups(), [&](ResourceGroup& group) {
    out.open('{');
    out.key("resource");
    out.open('{');
    write(group.resource.read(arena), out);
    out.close('}');
    out.list(names.scopes, group.scopes, [&](ScopeGroup& scope) {
      out.open('{');
      out.key("scope");
      out.open('{');
      write(scope.scope.read(arena), out);
      out.close('}');
      out.list(names.items, scope.items, [&](Item& item) { write_item(batch.signal(), item, arena, out); });
      out.text("schemaUrl", scope.schema_url);
      out.close('}');
    });
    out.text("schemaUrl", group.schema_url);
    out.close('}');
  });
  out.close('}');
  return text;
}

}  // namespace weir::otlp
