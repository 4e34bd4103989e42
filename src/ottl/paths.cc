#include "ottl/path_rows.h"
#include "ottl/text/trace_state.h"

namespace weir::ottl {
namespace {

using namespace rows;

bool set_span_flags(EvalContext& c, const Value& v) {
  if (!v.is(Kind::integer)) return wrong_type(c, "int64", v);
  if (v.integer < 0 || v.integer > UINT32_MAX) return c.fail("value {} is out of range for uint32", v.integer);
  InSpan::edit(c).flags = static_cast<std::uint32_t>(v.integer);
  return true;
}

// ---- named choices
constexpr std::array<std::string_view, 6> kind_words = {"Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"};
constexpr std::array<std::string_view, 6> old_kind_words = {"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL", "SPAN_KIND_SERVER",
                                                            "SPAN_KIND_CLIENT", "SPAN_KIND_PRODUCER", "SPAN_KIND_CONSUMER"};
template <const std::array<std::string_view, 6>& words>
PathRow kind_text(std::string_view name) {
  return {.name = name,
          .get = [](EvalContext& c, Value& out) {
            auto kind = static_cast<std::size_t>(c.span().kind);
            return out = Value::of(kind < words.size() ? words[kind] : std::string_view{}), true;
          },
          .set = [](EvalContext& c, const Value& v) {
            if (!v.is(Kind::text)) return wrong_type(c, "string", v);
            auto found = std::find(words.begin(), words.end(), v.text);
            if (found == words.end()) return c.fail("unknown span kind string, {}", v.text);
            c.edit_span().kind = static_cast<std::int32_t>(found - words.begin());
            return true;
          },
          .reads = InSpan::reads, .edits = InSpan::edits};
}

// ---- parts that can only be handed from one message to another
template <class In, auto Member, Part part>
PathRow part_list(std::string_view name, std::string_view type) {
  static std::string_view type_name;
  type_name = type;
  return {.name = name,
          .get = [](EvalContext& c, Value& out) { return out = Value::of_part(part, &(In::read(c).*Member)), true; },
          .set = [](EvalContext& c, const Value& v) {
            if (!v.is(Kind::opaque) || v.part != part) return wrong_type(c, type_name, v);
            auto& field = In::edit(c).*Member;
            auto& from = *static_cast<const std::remove_reference_t<decltype(field)>*>(v.opaque);
            if (&from == &field) return true;
            std::remove_reference_t<decltype(field)> copy;
            for (auto& one : from) copy.push_back(c.arena(), one);
            field = copy;
            return true;
          },
          .reads = In::reads | Reads::sub_items, .edits = In::edits};
}

bool get_status(EvalContext& c, Value& out) {
  out = Value::of_part(Part::status, &c.span());
  return true;
}
bool set_status(EvalContext& c, const Value& v) {
  if (!v.is(Kind::opaque) || v.part != Part::status) return wrong_type(c, "ptrace.Status", v);
  auto& from = *static_cast<const Span*>(v.opaque);
  Span& to = c.edit_span();
  to.status_code = from.status_code;
  to.status_message = from.status_message;
  return true;
}

bool get_trace_state_key(EvalContext& c, std::string_view key, Value& out) {
  if (!trace_state_valid(c.span().trace_state)) return true;
  out = Value::of(trace_state_get(c.span().trace_state, key), true);
  return true;
}
bool set_trace_state_key(EvalContext& c, std::string_view key, const Value& v) {
  if (!v.is(Kind::text)) return wrong_type(c, "string", v);
  if (!trace_state_valid(c.span().trace_state)) return true;
  std::string updated;
  if (trace_state_insert(c.span().trace_state, key, v.text, updated)) c.edit_span().trace_state = c.arena().copy(updated);
  return true;
}

// ---- log body
otlp::Value* reach_body(EvalContext& c, bool edit) { return edit ? &c.edit_log().body : const_cast<otlp::Value*>(&c.log().body); }
bool get_body(EvalContext& c, Value& out) { return out = Value::of(*reach_body(c, false), c.arena(), true), true; }
bool set_body(EvalContext& c, const Value& v) {
  otlp::Value body;
  if (!to_otlp(v, c.arena(), body)) return c.fail("unsupported type {} for set operation", to_string(v.kind));
  c.edit_log().body = body;
  return true;
}
bool get_body_text(EvalContext& c, Value& out) {
  const otlp::Value& body = c.log().body;
  out = body.is(otlp::ValueType::string) ? Value::of(body.text, true) : c.scratch_text(otlp::to_text(body));
  return true;
}
bool set_body_text(EvalContext& c, const Value& v) {
  if (!v.is(Kind::text)) return wrong_type(c, "string", v);
  std::string_view kept = c.keep(v);
  c.edit_log().body = otlp::Value::of(kept);
  return true;
}

// ---- span events
bool get_event_index(EvalContext& c, Value& out) {
  if (c.event_index < 0) return c.fail("no 'event_index' property has been set");
  return out = Value::of(c.event_index), true;
}
bool refuse_event_index(EvalContext& c, const Value&) { return c.fail("the 'event_index' path cannot be modified"); }

// ---- schema urls live beside the message
bool get_resource_schema(EvalContext& c, Value& out) { return out = Value::of(c.resource->schema_url, true), true; }
bool set_resource_schema(EvalContext& c, const Value& v) {
  if (!v.is(Kind::text)) return wrong_type(c, "string", v);
  return c.resource->schema_url = c.keep(v), true;
}
bool get_scope_schema(EvalContext& c, Value& out) { return out = Value::of(c.scope->schema_url, true), true; }
bool set_scope_schema(EvalContext& c, const Value& v) {
  if (!v.is(Kind::text)) return wrong_type(c, "string", v);
  return c.scope->schema_url = c.keep(v), true;
}

// ---- otelcol.client
bool get_address(EvalContext& c, Value& out) {
  if (c.sender != nullptr) out = Value::of(std::string_view(c.sender->peer));
  return true;
}
bool refuse_client(EvalContext& c, const Value&) { return c.fail("the sender's data cannot be changed"); }
Value list_of(EvalContext& c, const std::vector<std::string>& texts) {
  auto* list = c.scratch().make<otlp::Array>();
  for (auto& text : texts) list->push_back(c.scratch(), otlp::Value::of(c.scratch().copy(text)));
  return Value::of(list);
}
bool get_metadata(EvalContext& c, Value& out) {
  auto* map = c.scratch().make<Attributes>();
  if (c.sender != nullptr)
    for (auto& [key, values] : c.sender->metadata)
      map->push_back(c.scratch(), {c.scratch().copy(key), otlp::Value::of(list_of(c, values).list)});
  return out = Value::of(map), true;
}
bool get_metadata_key(EvalContext& c, std::string_view key, Value& out) {
  if (c.sender == nullptr) return true;
  auto found = c.sender->metadata.find(to_lower(key));
  if (found != c.sender->metadata.end()) out = list_of(c, found->second);
  return true;
}
bool get_auth(EvalContext& c, Value& out) {
  auto* map = c.scratch().make<Attributes>();
  if (c.sender != nullptr)
    for (auto& [key, value] : c.sender->auth) map->push_back(c.scratch(), {c.scratch().copy(key), otlp::Value::of(c.scratch().copy(value))});
  return out = Value::of(map), true;
}
bool get_auth_key(EvalContext& c, std::string_view key, Value& out) {
  if (c.sender == nullptr) return true;
  auto found = c.sender->auth.find(key);
  if (found != c.sender->auth.end()) out = Value::of(std::string_view(found->second));
  return true;
}
bool refuse_client_key(EvalContext& c, std::string_view, const Value& v) { return refuse_client(c, v); }

// Says of each row which of the message's fields it reads, by the words that names begin with.
void set_fields(std::span<PathRow> rows, std::initializer_list<std::pair<std::string_view, std::uint32_t>> numbers) {
  for (PathRow& row : rows)
    for (auto [word, number] : numbers)
      if (row.name.starts_with(word)) row.fields = otlp::Excerpt::field(number);
}

}  // namespace

std::span<const PathRow> collector_paths() {
  static const std::array rows{
      PathRow{.name = "client.addr", .get = get_address, .set = refuse_client, .reads = Reads::sender},
      PathRow{.name = "client.metadata", .get = get_metadata, .set = refuse_client, .get_key = get_metadata_key,
              .set_key = refuse_client_key, .reads = Reads::sender},
      PathRow{.name = "client.auth.attributes", .get = get_auth, .set = refuse_client, .get_key = get_auth_key,
              .set_key = refuse_client_key, .reads = Reads::sender},
      PathRow{.name = "grpc.metadata", .get = get_metadata, .set = refuse_client, .get_key = get_metadata_key,
              .set_key = refuse_client_key, .reads = Reads::sender},
  };
  return rows;
}

std::span<const PathRow> paths_of(ContextId context) {
  static const std::array resource_rows{
      cache_row,
      map<InResource, &otlp::Resource::attributes>("attributes"),
      integer<InResource, &otlp::Resource::dropped_attributes_count>("dropped_attributes_count"),
      PathRow{.name = "schema_url", .get = get_resource_schema, .set = set_resource_schema, .reads = Reads::resource, .edits = Reads::edits_resource},
  };
  static const std::array scope_rows{
      cache_row,
      text<InScope, &otlp::Scope::name>("name"),
      text<InScope, &otlp::Scope::version>("version"),
      map<InScope, &otlp::Scope::attributes>("attributes"),
      integer<InScope, &otlp::Scope::dropped_attributes_count>("dropped_attributes_count"),
      PathRow{.name = "schema_url", .get = get_scope_schema, .set = set_scope_schema, .reads = Reads::scope, .edits = Reads::edits_scope},
  };
  static const std::array span_rows = [] {
    std::array rows{
        cache_row,
        id<InSpan, &Span::trace_id>("trace_id"),
        id_text<InSpan, &Span::trace_id>("trace_id.string"),
        id<InSpan, &Span::span_id>("span_id"),
        id_text<InSpan, &Span::span_id>("span_id.string"),
        id<InSpan, &Span::parent_span_id>("parent_span_id"),
        id_text<InSpan, &Span::parent_span_id>("parent_span_id.string"),
        text<InSpan, &Span::trace_state>("trace_state"),
        text<InSpan, &Span::name>("name"),
        integer<InSpan, &Span::kind>("kind"),
        kind_text<kind_words>("kind.string"),
        kind_text<old_kind_words>("kind.deprecated_string"),
        time<InSpan, &Span::start_time_unix_nano>("start_time"),
        time<InSpan, &Span::end_time_unix_nano>("end_time"),
        integer<InSpan, &Span::start_time_unix_nano>("start_time_unix_nano"),
        integer<InSpan, &Span::end_time_unix_nano>("end_time_unix_nano"),
        map<InSpan, &Span::attributes>("attributes"),
        integer<InSpan, &Span::dropped_attributes_count>("dropped_attributes_count"),
        part_list<InSpan, &Span::events, Part::events>("events", "ptrace.SpanEventSlice"),
        integer<InSpan, &Span::dropped_events_count>("dropped_events_count"),
        part_list<InSpan, &Span::links, Part::links>("links", "ptrace.SpanLinkSlice"),
        integer<InSpan, &Span::dropped_links_count>("dropped_links_count"),
        PathRow{.name = "status", .get = get_status, .set = set_status, .reads = InSpan::reads, .edits = InSpan::edits},
        integer<InSpan, &Span::status_code>("status.code"),
        text<InSpan, &Span::status_message>("status.message"),
        PathRow{.name = "flags", .get = integer<InSpan, &Span::flags>("").get, .set = set_span_flags, .reads = InSpan::reads, .edits = InSpan::edits},
    };
    set_fields(rows, {{"trace_id", 1}, {"span_id", 2}, {"trace_state", 3}, {"parent_span_id", 4}, {"name", 5}, {"kind", 6}, {"start_time", 7},
                      {"end_time", 8}, {"attributes", 9}, {"dropped_attributes", 10}, {"events", 11}, {"dropped_events", 12}, {"links", 13},
                      {"dropped_links", 14}, {"status", 15}, {"flags", 16}});
    for (PathRow& row : rows) {
      if (row.name == "trace_state") row.get_key = get_trace_state_key, row.set_key = set_trace_state_key;
      if (row.name.starts_with("trace_id")) row.edits |= Reads::edits_trace_id;
    }
    return rows;
  }();
  static const std::array event_rows{
      cache_row,
      text<InEvent, &Span::Event::name>("name"),
      time<InEvent, &Span::Event::time_unix_nano>("time"),
      integer<InEvent, &Span::Event::time_unix_nano>("time_unix_nano"),
      map<InEvent, &Span::Event::attributes>("attributes"),
      integer<InEvent, &Span::Event::dropped_attributes_count>("dropped_attributes_count"),
      PathRow{.name = "event_index", .get = get_event_index, .set = refuse_event_index, .reads = Reads::sub_items},
  };
  static const std::array log_rows = [] {
    std::array rows{
        cache_row,
        time<InLog, &LogRecord::time_unix_nano>("time"),
        time<InLog, &LogRecord::observed_time_unix_nano>("observed_time"),
        integer<InLog, &LogRecord::time_unix_nano>("time_unix_nano"),
        integer<InLog, &LogRecord::observed_time_unix_nano>("observed_time_unix_nano"),
        integer<InLog, &LogRecord::severity_number>("severity_number"),
        text<InLog, &LogRecord::severity_text>("severity_text"),
        text<InLog, &LogRecord::event_name>("event_name"),
        PathRow{.name = "body", .get = get_body, .set = set_body, .value = reach_body, .reads = Reads::item, .edits = Reads::edits_item},
        PathRow{.name = "body.string", .get = get_body_text, .set = set_body_text, .reads = Reads::item, .edits = Reads::edits_item},
        map<InLog, &LogRecord::attributes>("attributes"),
        integer<InLog, &LogRecord::dropped_attributes_count>("dropped_attributes_count"),
        id<InLog, &LogRecord::trace_id>("trace_id"),
        id_text<InLog, &LogRecord::trace_id>("trace_id.string"),
        id<InLog, &LogRecord::span_id>("span_id"),
        id_text<InLog, &LogRecord::span_id>("span_id.string"),
        integer<InLog, &LogRecord::flags>("flags"),
    };
    set_fields(rows, {{"time", 1}, {"severity_number", 2}, {"severity_text", 3}, {"body", 5}, {"attributes", 6}, {"dropped_attributes", 7},
                      {"flags", 8}, {"trace_id", 9}, {"span_id", 10}, {"observed_time", 11}, {"event_name", 12}});
    for (PathRow& row : rows)
      if (row.name.starts_with("trace_id")) row.edits |= Reads::edits_trace_id;
    return rows;
  }();
  switch (context) {
    case ContextId::resource: return resource_rows;
    case ContextId::scope: return scope_rows;
    case ContextId::span: return span_rows;
    case ContextId::spanevent: return event_rows;
    case ContextId::metric: return metric_paths();
    case ContextId::datapoint: return point_paths();
    case ContextId::exemplar: return exemplar_paths();
    case ContextId::log: return log_rows;
  }
  return {};
}

bool enum_value(ContextId context, std::string_view name, std::int64_t& out) {
  auto among = [&](std::string_view prefix, std::initializer_list<std::string_view> words) {
    if (!name.starts_with(prefix)) return false;
    std::int64_t i = 0;
    for (std::string_view word : words) {
      if (name.substr(prefix.size()) == word) return out = i, true;
      ++i;
    }
    return false;
  };
  switch (context) {
    case ContextId::span:
    case ContextId::spanevent:
      return among("SPAN_KIND_", {"UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"}) ||
             among("STATUS_CODE_", {"UNSET", "OK", "ERROR"});
    case ContextId::metric:
    case ContextId::datapoint:
    case ContextId::exemplar:
      return among("AGGREGATION_TEMPORALITY_", {"UNSPECIFIED", "DELTA", "CUMULATIVE"}) ||
             among("METRIC_DATA_TYPE_", {"NONE", "GAUGE", "SUM", "HISTOGRAM", "EXPONENTIAL_HISTOGRAM", "SUMMARY"}) ||
             among("FLAG_", {"NONE", "NO_RECORDED_VALUE"});
    case ContextId::log:
      return among("SEVERITY_NUMBER_",
                   {"UNSPECIFIED", "TRACE",  "TRACE2", "TRACE3", "TRACE4", "DEBUG", "DEBUG2", "DEBUG3", "DEBUG4",
                    "INFO",        "INFO2",  "INFO3",  "INFO4",  "WARN",   "WARN2", "WARN3",  "WARN4",  "ERROR",
                    "ERROR2",      "ERROR3", "ERROR4", "FATAL",  "FATAL2", "FATAL3", "FATAL4"});
    default: return false;
  }
}

}  // namespace weir::ottl
