#include "weir/scenario/short_form.h"

#include "base/text.h"
#include "config/field.h"
#include "otlp/json.h"

namespace weir::app::scenario {
namespace {

using config::Value;
using otlp::Signal;

constexpr std::array<std::string_view, 6> kinds = {"unspecified", "internal", "server", "client", "producer", "consumer"};
constexpr std::array<std::string_view, 3> statuses = {"UNSET", "OK", "ERROR"};
constexpr std::array<std::string_view, 3> temporalities = {"unspecified", "delta", "cumulative"};

template <class... Args>
std::unexpected<Error> wrong(const Value& at, fmt::format_string<Args...> format, Args&&... args) {
  return fail(Errc::config, "{}: {}", at.mark().to_string(), fmt::format(format, std::forward<Args>(args)...));
}

Result<> check_keys(const Value& map, std::initializer_list<std::string_view> known) {
  if (!map.is_map()) return wrong(map, "expected a map, got {}", map.describe());
  for (auto& entry : map.entries()) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    std::string_view near = nearest(entry.key, std::span(known.begin(), known.size()));
    return fail(Errc::config, "{}: unknown key \"{}\"{}", entry.mark.to_string(), entry.key,
                near.empty() ? fmt::format(" (known: {})", fmt::join(known, ", ")) : fmt::format("; did you mean \"{}\"?", near));
  }
  return {};
}

Value text(std::string_view value) { return Value::string(std::string(value)); }

Value any_value(const Value& value);

Value attribute_list(const Value& map) {
  Value out = Value::list();
  for (auto& entry : map.entries()) {
    Value pair = Value::map();
    pair.set("key", text(entry.key));
    pair.set("value", any_value(entry.value));
    out.push_back(std::move(pair));
  }
  return out;
}

Value wrapped(std::string_view key, Value value) {
  Value out = Value::map();
  out.set(key, std::move(value));
  return out;
}

// As OTLP JSON has it.
Value any_value(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null: return Value::map();
    case Value::Kind::boolean: return wrapped("boolValue", value);
    case Value::Kind::integer:
    case Value::Kind::unsigned_integer: return wrapped("intValue", text(std::to_string(value.as_int())));
    case Value::Kind::number: return wrapped("doubleValue", Value::of(value.as_double()));
    case Value::Kind::string: return wrapped("stringValue", text(value.text()));
    case Value::Kind::map: return wrapped("kvlistValue", wrapped("values", attribute_list(value)));
    case Value::Kind::list: {
      Value values = Value::list();
      for (auto& item : value.items()) values.push_back(any_value(item));
      return wrapped("arrayValue", wrapped("values", std::move(values)));
    }
  }
  return {};
}

Result<std::string> padded_id(const Value& id, std::size_t digits) {
  std::string bytes, hex = to_lower(id.text());
  if (hex.size() > digits) return wrong(id, "\"{}\" has more than {} digits", hex, digits);
  hex.insert(0, digits - hex.size(), '0');
  if (!from_hex(hex, bytes)) return wrong(id, "\"{}\" is not hexadecimal", id.text());
  return hex;
}

Result<std::int64_t> one_of(const Value& value, std::span<const std::string_view> names) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (equal_ignore_case(value.text(), names[i])) return static_cast<std::int64_t>(i);
  return wrong(value, "\"{}\" is none of {}", value.text(), fmt::join(names, ", "));
}

Result<Duration> duration_of(const Value& value) {
  auto parsed = parse_duration(value.text());
  if (!parsed) return wrong(value, "{}", parsed.error().what);
  return *parsed;
}

// Translates groups of the short form into an OTLP JSON request.
class Reader {
 public:
  explicit Reader(Moment& moment) : moment_(moment) {}

  Result<otlp::Batch> read(const Value& push) {
    std::optional<Signal> signal;
    Value groups = Value::list();
    auto add = [&](const Value& group) -> Result<> {
      WEIR_ASSIGN(auto read, read_group(group));
      if (signal && *signal != read.first) return wrong(group, "one push has one signal; this is {} after {}", to_string(read.first), to_string(*signal));
      signal = read.first;
      for (auto& one : read.second.items()) groups.push_back(std::move(one));
      return {};
    };
    if (push.is_list()) {
      for (auto& group : push.items()) WEIR_TRY(add(group));
    } else {
      WEIR_TRY(add(push));
    }
    if (!signal) return wrong(push, "nothing to push");
    return parse(push, *signal, std::move(groups));
  }

 private:
  static constexpr std::array<std::string_view, 3> resource_lists = {"resourceSpans", "resourceMetrics", "resourceLogs"};
  static constexpr std::array<std::string_view, 3> scope_lists = {"scopeSpans", "scopeMetrics", "scopeLogs"};
  static constexpr std::array<std::string_view, 3> item_lists = {"spans", "metrics", "logRecords"};

  static Result<otlp::Batch> parse(const Value& at, Signal signal, Value groups) {
    auto bytes = otlp::json_to_protobuf(signal, to_json(wrapped(resource_lists[static_cast<std::size_t>(signal)], std::move(groups))));
    if (!bytes) return wrong(at, "{}", bytes.error().what);
    return otlp::Batch::parse(signal, std::move(*bytes));
  }

  // The signal and the list of its resource groups.
  Result<std::pair<Signal, Value>> read_group(const Value& group) {
    WEIR_TRY(check_keys(group, {"receiver", "exporter", "core", "answer", "service", "resource", "scope", "trace", "spans", "metrics", "logs", "otlp"}));
    trace_ = group.get("trace");
    if (const Value* otlp = group.get("otlp")) {
      for (std::size_t i = 0; i < resource_lists.size(); ++i)
        if (const Value* list = otlp->get(resource_lists[i])) return std::pair(static_cast<Signal>(i), *list);
      return wrong(*otlp, "expected a request with resourceSpans, resourceMetrics or resourceLogs");
    }
    constexpr std::array<std::string_view, 3> words = {"spans", "metrics", "logs"};
    for (std::size_t i = 0; i < words.size(); ++i) {
      const Value* items = group.get(words[i]);
      if (items == nullptr) continue;
      Value list = Value::list();
      for (auto& item : items->items()) {
        auto made = i == 0 ? span(item) : i == 1 ? metric(item) : log(item);
        if (!made) return std::unexpected(made.error());
        list.push_back(std::move(*made));
      }
      Value scope = wrapped(item_lists[i], std::move(list));
      if (const Value* about = group.get("scope")) scope.set("scope", scope_of(*about));
      Value scopes = Value::list(), groups = Value::list();
      scopes.push_back(std::move(scope));
      Value out = wrapped(scope_lists[i], std::move(scopes));
      out.set("resource", wrapped("attributes", attribute_list(resource_of(group))));
      groups.push_back(std::move(out));
      return std::pair(static_cast<Signal>(i), std::move(groups));
    }
    return wrong(group, "expected spans, metrics, logs or otlp");
  }

  static Value resource_of(const Value& group) {
    Value out = Value::map();
    if (const Value* service = group.get("service")) out.set("service.name", text(service->text()));
    if (const Value* resource = group.get("resource"))
      for (auto& entry : resource->entries()) out.set(entry.key, entry.value);
    return out;
  }

  static Value scope_of(const Value& about) {
    if (!about.is_map()) return wrapped("name", text(about.text()));
    Value out = Value::map();
    for (auto& entry : about.entries()) out.set(entry.key, entry.key == "attributes" ? attribute_list(entry.value) : text(entry.value.text()));
    return out;
  }

  Value nanos(UnixNanos at) const { return text(std::to_string(at)); }

  Result<UnixNanos> time_of(const Value& item, std::string_view key, UnixNanos otherwise) const {
    const Value* value = item.get(key);
    if (value == nullptr) return otherwise;
    WEIR_ASSIGN(Duration offset, duration_of(*value));
    return moment_.now + static_cast<UnixNanos>(offset.count());
  }

  Result<> put_trace(const Value& item, Value& out) const {
    const Value* trace = item.get("trace");
    if (trace == nullptr) trace = trace_;
    if (trace == nullptr) return {};
    WEIR_ASSIGN(auto id, padded_id(*trace, 32));
    out.set("traceId", text(id));
    return {};
  }

  Result<Value> span(const Value& given) {
    Value item = given.is_map() ? given : wrapped("name", given);
    WEIR_TRY(check_keys(item, {"name", "trace", "id", "parent", "kind", "status", "status_message", "start", "duration", "attributes", "events", "links", "trace_state", "flags"}));
    Value out = wrapped("name", text(item.get("name") ? item.get("name")->text() : ""));
    if (!item.get("trace") && trace_ == nullptr) return wrong(given, "a span needs a trace, here or beside spans");
    WEIR_TRY(put_trace(item, out));
    std::string id = fmt::format("{:016x}", moment_.next_span_id);
    if (const Value* own = item.get("id")) {
      WEIR_ASSIGN(id, padded_id(*own, 16));
    } else {
      ++moment_.next_span_id;
    }
    out.set("spanId", text(id));
    if (const Value* parent = item.get("parent")) {
      WEIR_ASSIGN(auto parent_id, padded_id(*parent, 16));
      out.set("parentSpanId", text(parent_id));
    }
    if (const Value* kind = item.get("kind")) {
      WEIR_ASSIGN(auto number, one_of(*kind, kinds));
      out.set("kind", Value::of(number));
    }
    WEIR_TRY(put_status(item, out));
    Duration duration = 10ms;
    if (const Value* value = item.get("duration")) {
      WEIR_ASSIGN(duration, duration_of(*value));
    }
    WEIR_ASSIGN(UnixNanos start, time_of(item, "start", moment_.now - static_cast<UnixNanos>(duration.count())));
    out.set("startTimeUnixNano", nanos(start));
    out.set("endTimeUnixNano", nanos(start + static_cast<UnixNanos>(duration.count())));
    if (const Value* attributes = item.get("attributes")) out.set("attributes", attribute_list(*attributes));
    if (const Value* state = item.get("trace_state")) out.set("traceState", text(state->text()));
    if (const Value* flags = item.get("flags")) out.set("flags", *flags);
    return put_events_and_links(item, std::move(out));
  }

  static Result<> put_status(const Value& item, Value& out) {
    const Value *status = item.get("status"), *message = item.get("status_message");
    Value made = Value::map();
    if (status != nullptr) {
      WEIR_ASSIGN(auto code, one_of(*status, statuses));
      made.set("code", Value::of(code));
    }
    if (message != nullptr) made.set("message", text(message->text()));
    if (made.size()) out.set("status", std::move(made));
    return {};
  }

  Result<Value> put_events_and_links(const Value& item, Value out) {
    Value events = Value::list(), links = Value::list();
    if (const Value* given = item.get("events"))
      for (auto& event : given->items()) {
        WEIR_TRY(check_keys(event, {"name", "time", "attributes"}));
        Value made = wrapped("name", text(event.get("name") ? event.get("name")->text() : ""));
        WEIR_ASSIGN(UnixNanos at, time_of(event, "time", moment_.now));
        made.set("timeUnixNano", nanos(at));
        if (const Value* attributes = event.get("attributes")) made.set("attributes", attribute_list(*attributes));
        events.push_back(std::move(made));
      }
    if (const Value* given = item.get("links"))
      for (auto& link : given->items()) {
        WEIR_TRY(check_keys(link, {"trace", "span", "attributes"}));
        Value made = Value::map();
        WEIR_TRY(put_trace(link, made));
        if (const Value* to = link.get("span")) {
          WEIR_ASSIGN(auto id, padded_id(*to, 16));
          made.set("spanId", text(id));
        }
        if (const Value* attributes = link.get("attributes")) made.set("attributes", attribute_list(*attributes));
        links.push_back(std::move(made));
      }
    if (events.size()) out.set("events", std::move(events));
    if (links.size()) out.set("links", std::move(links));
    return out;
  }

  Result<Value> metric(const Value& item) {
    WEIR_TRY(check_keys(item, {"name", "type", "unit", "description", "temporality", "monotonic", "value", "attributes", "points"}));
    constexpr std::array<std::string_view, 3> types = {"gauge", "sum", "histogram"};
    std::int64_t type = 0, temporality = 2;
    if (const Value* given = item.get("type")) {
      WEIR_ASSIGN(type, one_of(*given, types));
    }
    if (const Value* given = item.get("temporality")) {
      WEIR_ASSIGN(temporality, one_of(*given, temporalities));
    }
    Value points = Value::list();
    if (const Value* given = item.get("points")) {
      for (auto& one : given->items()) {
        WEIR_ASSIGN(auto made, point(one));
        points.push_back(std::move(made));
      }
    } else {
      WEIR_ASSIGN(auto made, point(item));
      points.push_back(std::move(made));
    }
    Value data = wrapped("dataPoints", std::move(points));
    if (type > 0) data.set("aggregationTemporality", Value::of(temporality));
    if (type == 1) data.set("isMonotonic", Value::of(item.get("monotonic") == nullptr || item.get("monotonic")->as_bool()));
    Value out = wrapped(types[static_cast<std::size_t>(type)], std::move(data));
    for (auto key : {"name", "unit", "description"})
      if (const Value* value = item.get(key)) out.set(key, text(value->text()));
    return out;
  }

  // A number, or a map; also the metric itself when it has its only value beside its name.
  Result<Value> point(const Value& given) {
    Value item = given.is_map() ? given : wrapped("value", given);
    Value out = wrapped("timeUnixNano", nanos(moment_.now));
    for (auto& entry : item.entries()) {
      auto& [key, mark, value] = entry;
      if (key == "value") {
        bool real = value.kind() == Value::Kind::number;
        out.set(real ? "asDouble" : "asInt", real ? value : text(value.text()));
      } else if (key == "attributes") {
        out.set("attributes", attribute_list(value));
      } else if (key == "start" || key == "time") {
        WEIR_ASSIGN(UnixNanos at, time_of(item, key, moment_.now));
        out.set(key == "start" ? "startTimeUnixNano" : "timeUnixNano", nanos(at));
      } else if (key == "buckets" || key == "bounds") {
        out.set(key == "buckets" ? "bucketCounts" : "explicitBounds", value);
      } else if (key == "count" || key == "sum" || key == "min" || key == "max") {
        out.set(key, value);
      } else if (!item.get("name")) {
        return fail(Errc::config, "{}: unknown key \"{}\" of a data point (value, attributes, start, time, count, sum, min, max, buckets, bounds)", mark.to_string(), key);
      }
    }
    return out;
  }

  Result<Value> log(const Value& given) {
    Value item = given.is_map() ? given : wrapped("body", given);
    WEIR_TRY(check_keys(item, {"body", "severity", "severity_number", "trace", "span", "time", "attributes", "event"}));
    Value out = Value::map();
    WEIR_ASSIGN(UnixNanos at, time_of(item, "time", moment_.now));
    out.set("timeUnixNano", nanos(at));
    if (const Value* body = item.get("body")) out.set("body", any_value(*body));
    if (const Value* severity = item.get("severity")) out.set("severityText", text(severity->text()));
    if (const Value* number = item.get("severity_number")) out.set("severityNumber", *number);
    if (const Value* event = item.get("event")) out.set("eventName", text(event->text()));
    if (const Value* attributes = item.get("attributes")) out.set("attributes", attribute_list(*attributes));
    WEIR_TRY(put_trace(item, out));
    if (const Value* span = item.get("span")) {
      WEIR_ASSIGN(auto id, padded_id(*span, 16));
      out.set("spanId", text(id));
    }
    return out;
  }

  Moment& moment_;
  const Value* trace_ = nullptr;  // of the group
};

// Turns what arrived into maps.
class Writer {
 public:
  explicit Writer(otlp::Batch& batch) : batch_(batch), arena_(batch.arena()) {}

  std::vector<Value> write() {
    for (auto& group : batch_.groups())
      for (auto& scope : group.scopes)
        for (auto& item : scope.items) {
          resource_ = attributes(group.resource.read(arena_).attributes);
          scope_ = scope_value(scope.scope.read(arena_));
          if (batch_.signal() == Signal::traces) span(item.read<otlp::Span>(arena_));
          if (batch_.signal() == Signal::metrics) metric(item.read<otlp::Metric>(arena_));
          if (batch_.signal() == Signal::logs) log(item.read<otlp::LogRecord>(arena_));
        }
    return std::move(out_);
  }

 private:
  Value any(const otlp::Value& given) {
    otlp::Value value = given;  // decoding it is nobody else's business
    switch (value.type) {
      case otlp::ValueType::empty: return {};
      case otlp::ValueType::boolean: return Value::of(value.boolean);
      case otlp::ValueType::integer: return Value::of(value.integer);
      case otlp::ValueType::real: return Value::of(value.real);
      case otlp::ValueType::map: return attributes(value.map(arena_));
      case otlp::ValueType::array: {
        Value out = Value::list();
        for (auto& item : value.array(arena_)) out.push_back(any(item));
        return out;
      }
      default: return text(otlp::to_text(value));
    }
  }

  Value attributes(const otlp::Attributes& from) {
    Value out = Value::map();
    for (auto& entry : from) out.set(entry.key, any(entry.value));
    return out;
  }

  Value scope_value(const otlp::Scope& scope) {
    Value out = wrapped("name", text(scope.name));
    if (!scope.version.empty()) out.set("version", text(scope.version));
    if (!scope.attributes.empty()) out.set("attributes", attributes(scope.attributes));
    return out;
  }

  static std::string short_id(std::string_view bytes) {
    std::string hex = to_hex(bytes);
    return hex.substr(std::min(hex.find_first_not_of('0'), hex.size() - 1));
  }

  static void put_text(Value& out, std::string_view key, std::string_view value) {
    if (!value.empty()) out.set(key, text(value));
  }

  void put_attributes(Value& out, const otlp::Attributes& from) {
    if (!from.empty()) out.set("attributes", attributes(from));
  }

  void finish(Value item) {
    if (resource_.size()) item.set("resource", resource_);
    if (!scope_.get("name")->text().empty() || scope_.size() > 1) item.set("scope", scope_);
    out_.push_back(std::move(item));
  }

  template <std::size_t N>
  static std::string_view name_in(const std::array<std::string_view, N>& names, std::int64_t i) {
    return i >= 0 && i < static_cast<std::int64_t>(N) ? names[static_cast<std::size_t>(i)] : "?";
  }

  void span(const otlp::Span& span) {
    Value out = wrapped("name", text(span.name));
    out.set("trace", text(short_id(span.trace_id.view())));
    out.set("id", text(short_id(span.span_id.view())));
    if (!span.parent_span_id.empty()) out.set("parent", text(short_id(span.parent_span_id.view())));
    if (span.kind) out.set("kind", text(name_in(kinds, span.kind)));
    out.set("status", text(name_in(statuses, span.status_code)));
    put_text(out, "status_message", span.status_message);
    put_text(out, "trace_state", span.trace_state);
    if (span.flags) out.set("flags", Value::of(std::int64_t{span.flags}));
    out.set("duration", text(format_duration(Duration(static_cast<std::int64_t>(span.end_time_unix_nano - span.start_time_unix_nano)))));
    put_attributes(out, span.attributes);
    Value events = Value::list(), links = Value::list();
    for (auto& event : span.events) {
      Value made = wrapped("name", text(event.name));
      put_attributes(made, event.attributes);
      events.push_back(std::move(made));
    }
    for (auto& link : span.links) {
      Value made = wrapped("trace", text(short_id(link.trace_id.view())));
      made.set("span", text(short_id(link.span_id.view())));
      put_attributes(made, link.attributes);
      links.push_back(std::move(made));
    }
    if (events.size()) out.set("events", std::move(events));
    if (links.size()) out.set("links", std::move(links));
    finish(std::move(out));
  }

  void metric(const otlp::Metric& metric) {
    constexpr std::array<std::string_view, 6> types = {"none", "gauge", "sum", "histogram", "exponential_histogram", "summary"};
    Value head = wrapped("name", text(metric.name));
    head.set("type", text(types[static_cast<std::size_t>(metric.type)]));
    put_text(head, "unit", metric.unit);
    put_text(head, "description", metric.description);
    bool aggregated = metric.type == otlp::MetricType::sum || metric.type == otlp::MetricType::histogram ||
                      metric.type == otlp::MetricType::exponential_histogram;
    if (aggregated) head.set("temporality", text(name_in(temporalities, static_cast<std::int32_t>(metric.temporality))));
    if (metric.type == otlp::MetricType::sum) head.set("monotonic", Value::of(metric.is_monotonic));
    for (auto& point : metric.points) finish(point_value(head, metric.type, point));
  }

  Value point_value(Value out, otlp::MetricType type, const otlp::DataPoint& point) {
    put_attributes(out, point.attributes);
    if (type == otlp::MetricType::gauge || type == otlp::MetricType::sum) {
      if (point.type == otlp::NumberType::integer) out.set("value", Value::of(point.integer));
      if (point.type == otlp::NumberType::real) out.set("value", Value::of(point.real));
      return out;
    }
    out.set("count", Value::of(point.count));
    if (point.has_sum || type == otlp::MetricType::summary) out.set("sum", Value::of(point.sum));
    if (point.has_min) out.set("min", Value::of(point.min));
    if (point.has_max) out.set("max", Value::of(point.max));
    Value buckets = Value::list(), bounds = Value::list();
    for (auto count : point.bucket_counts) buckets.push_back(Value::of(count));
    for (auto bound : point.explicit_bounds) bounds.push_back(Value::of(bound));
    if (buckets.size()) out.set("buckets", std::move(buckets));
    if (bounds.size()) out.set("bounds", std::move(bounds));
    return out;
  }

  void log(const otlp::LogRecord& record) {
    Value out = wrapped("body", any(record.body));
    put_text(out, "severity", record.severity_text);
    if (record.severity_number) out.set("severity_number", Value::of(std::int64_t{record.severity_number}));
    put_text(out, "event", record.event_name);
    if (!record.trace_id.empty()) out.set("trace", text(short_id(record.trace_id.view())));
    if (!record.span_id.empty()) out.set("span", text(short_id(record.span_id.view())));
    put_attributes(out, record.attributes);
    finish(std::move(out));
  }

  otlp::Batch& batch_;
  Arena& arena_;
  Value resource_, scope_;
  std::vector<Value> out_;
};

// The words of one expected item that have several spellings, as items_of() spells them.
Result<> normalize(Value& item) {
  for (auto key : {"trace", "id", "parent", "span"})
    if (Value* id = item.get(key); id && !id->is_null()) {
      std::string hex = to_lower(id->text());
      *id = Value::string(hex.substr(std::min(hex.find_first_not_of('0'), hex.size() - 1)), id->mark());
    }
  if (Value* status = item.get("status")) {
    WEIR_ASSIGN(auto code, one_of(*status, statuses));
    *status = Value::string(std::string(statuses[static_cast<std::size_t>(code)]), status->mark());
  }
  for (auto key : {"kind", "temporality", "type"})
    if (Value* word = item.get(key)) *word = Value::string(to_lower(word->text()), word->mark());
  if (Value* duration = item.get("duration")) {
    WEIR_ASSIGN(Duration parsed, duration_of(*duration));
    *duration = Value::string(format_duration(parsed), duration->mark());
  }
  return {};
}

// What a group says about all of its items.
Value inherited(const Value& group) {
  Value out = Value::map();
  if (const Value* trace = group.get("trace")) out.set("trace", *trace);
  Value resource = Value::map();
  if (const Value* service = group.get("service")) resource.set("service.name", *service);
  if (const Value* given = group.get("resource"))
    for (auto& entry : given->entries()) resource.set(entry.key, entry.value);
  if (resource.size()) out.set("resource", std::move(resource));
  if (const Value* scope = group.get("scope")) out.set("scope", scope->is_map() ? *scope : wrapped("name", *scope));
  return out;
}

Result<> add_expected(const Value& group, std::string_view word, std::vector<Value>& out) {
  const Value* items = group.get(word);
  for (auto& given : items->items()) {
    Value item = inherited(group);
    item.set_mark(given.mark());
    Value own = given.is_map() ? given : wrapped(word == "logs" ? "body" : "name", given);
    const Value* points = own.get("points");
    for (auto& entry : own.entries())
      if (entry.key != "points") item.set(entry.key, entry.value);
    WEIR_TRY(normalize(item));
    if (points == nullptr) {
      out.push_back(std::move(item));
      continue;
    }
    for (auto& point : points->items()) {
      Value one = item;
      Value written = point.is_map() ? point : wrapped("value", point);
      for (auto& entry : written.entries()) one.set(entry.key, entry.value);
      out.push_back(std::move(one));
    }
  }
  return {};
}

}  // namespace

Result<otlp::Batch> read_batch(const Value& push, Moment& moment) { return Reader(moment).read(push); }

Result<std::vector<Items>> read_expected(const Value& expect, Moment& moment) {
  std::vector<Items> out;
  auto add = [&](const Value& group) -> Result<> {
    WEIR_TRY(check_keys(group, {"exporter", "service", "resource", "scope", "trace", "spans", "metrics", "logs", "otlp"}));
    auto items_for = [&](Signal signal) -> std::vector<Value>& {
      for (auto& items : out)
        if (items.signal == signal) return items.all;
      return out.emplace_back(Items{signal, {}}).all;
    };
    constexpr std::array<std::string_view, 3> words = {"spans", "metrics", "logs"};
    for (std::size_t i = 0; i < words.size(); ++i)
      if (group.get(words[i])) WEIR_TRY(add_expected(group, words[i], items_for(static_cast<Signal>(i))));
    if (group.get("otlp")) {
      WEIR_ASSIGN(auto batch, read_batch(group, moment));
      for (auto& item : items_of(batch)) items_for(batch.signal()).push_back(std::move(item));
    }
    return {};
  };
  if (expect.is_list()) {
    for (auto& group : expect.items()) WEIR_TRY(add(group));
  } else {
    WEIR_TRY(add(expect));
  }
  if (out.empty()) return wrong(expect, "expected spans, metrics, logs or otlp");
  return out;
}

std::vector<Value> items_of(otlp::Batch& batch) { return Writer(batch).write(); }

}  // namespace weir::app::scenario
