#include "ottl/paths.h"

#include "base/text.h"
#include "ottl/trace_state.h"

namespace weir::ottl {
namespace {

using otlp::Attributes;
using otlp::DataPoint;
using otlp::Exemplar;
using otlp::LogRecord;
using otlp::Metric;
using otlp::MetricType;
using otlp::Span;

// ---- where a message comes from: read() leaves it clean, edit() marks it changed
struct InResource {
  static constexpr Reads reads = Reads::resource, edits = Reads::edits_resource;
  static const otlp::Resource& read(EvalContext& c) { return c.resource->resource.read(c.arena()); }
  static otlp::Resource& edit(EvalContext& c) { return c.resource->resource.edit(c.arena()); }
};
struct InScope {
  static constexpr Reads reads = Reads::scope, edits = Reads::edits_scope;
  static const otlp::Scope& read(EvalContext& c) { return c.scope->scope.read(c.arena()); }
  static otlp::Scope& edit(EvalContext& c) { return c.scope->scope.edit(c.arena()); }
};
struct InSpan {
  static constexpr Reads reads = Reads::item, edits = Reads::edits_item;
  static const Span& read(EvalContext& c) { return c.span(); }
  static Span& edit(EvalContext& c) { return c.edit_span(); }
};
struct InEvent {
  static constexpr Reads reads = Reads::sub_items, edits = Reads::edits_item;
  static const Span::Event& read(EvalContext& c) { return *c.event; }
  static Span::Event& edit(EvalContext& c) { return c.edit_span(), *c.event; }
};
struct InLog {
  static constexpr Reads reads = Reads::item, edits = Reads::edits_item;
  static const LogRecord& read(EvalContext& c) { return c.log(); }
  static LogRecord& edit(EvalContext& c) { return c.edit_log(); }
};
struct InMetric {
  static constexpr Reads reads = Reads::item, edits = Reads::edits_item;
  static const Metric& read(EvalContext& c) { return c.metric(); }
  static Metric& edit(EvalContext& c) { return c.edit_metric(); }
};
struct InPoint {
  static constexpr Reads reads = Reads::sub_items, edits = Reads::edits_item;
  static const DataPoint& read(EvalContext& c) { return *c.point; }
  static DataPoint& edit(EvalContext& c) { return c.edit_metric(), *c.point; }
};
struct InExemplar {
  static constexpr Reads reads = Reads::sub_items, edits = Reads::edits_item;
  static const Exemplar& read(EvalContext& c) { return *c.exemplar; }
  static Exemplar& edit(EvalContext& c) { return c.edit_metric(), *c.exemplar; }
};

bool wrong_type(EvalContext& c, std::string_view wanted, const Value& got) {
  return c.fail("expects {} but got {}", wanted, to_string(got.kind));
}

// ---- fields that are one member
template <class In, auto Member>
PathRow text(std::string_view name) {
  return {.name = name,
          .get = [](EvalContext& c, Value& out) { return out.set(In::read(c).*Member, true), true; },
          .set = [](EvalContext& c, const Value& v) {
            if (!v.is(Kind::text)) return wrong_type(c, "string", v);
            std::string_view kept = c.keep(v);
            In::edit(c).*Member = kept;
            return true;
          },
          .reads = In::reads, .edits = In::edits};
}

template <class In, auto Member>
PathRow integer(std::string_view name) {
  return {.name = name,
          .get = [](EvalContext& c, Value& out) { return out.set(static_cast<std::int64_t>(In::read(c).*Member)), true; },
          .set = [](EvalContext& c, const Value& v) {
            if (!v.is(Kind::integer)) return wrong_type(c, "int64", v);
            auto& field = In::edit(c).*Member;
            field = static_cast<std::remove_reference_t<decltype(field)>>(v.integer);
            return true;
          },
          .reads = In::reads, .edits = In::edits};
}

bool set_span_flags(EvalContext& c, const Value& v) {
  if (!v.is(Kind::integer)) return wrong_type(c, "int64", v);
  if (v.integer < 0 || v.integer > UINT32_MAX) return c.fail("value {} is out of range for uint32", v.integer);
  InSpan::edit(c).flags = static_cast<std::uint32_t>(v.integer);
  return true;
}

template <class In, auto Member>
PathRow time(std::string_view name) {
  return {.name = name,
          .get = [](EvalContext& c, Value& out) { return out = Value::of_unix_nanos(In::read(c).*Member), true; },
          .set = [](EvalContext& c, const Value& v) {
            if (!v.is(Kind::time)) return wrong_type(c, "time.Time", v);
            In::edit(c).*Member = static_cast<std::uint64_t>(v.time.unix_nanos());
            return true;
          },
          .reads = In::reads, .edits = In::edits};
}

template <class In, auto Member>
PathRow id(std::string_view name) {
  return {.name = name,
          .get = [](EvalContext& c, Value& out) { return out = Value::of(In::read(c).*Member), true; },
          .set = [](EvalContext& c, const Value& v) {
            auto& field = In::edit(c).*Member;
            if constexpr (std::is_same_v<std::remove_reference_t<decltype(field)>, otlp::TraceId>) {
              if (!v.is(Kind::trace_id)) return wrong_type(c, "pcommon.TraceID", v);
              field = v.trace_id;
            } else {
              if (!v.is(Kind::span_id)) return wrong_type(c, "pcommon.SpanID", v);
              field = v.span_id;
            }
            return true;
          },
          .reads = In::reads, .edits = In::edits};
}

template <class In, auto Member>
PathRow id_text(std::string_view name) {
  return {.name = name,
          .get = [](EvalContext& c, Value& out) {
            std::string_view bytes = (In::read(c).*Member).view();
            char* hex = c.scratch().array<char>(bytes.size() * 2);
            for (std::size_t i = 0; i < bytes.size(); ++i) {
              auto byte = static_cast<unsigned char>(bytes[i]);
              hex[2 * i] = "0123456789abcdef"[byte >> 4];
              hex[2 * i + 1] = "0123456789abcdef"[byte & 15];
            }
            return out = Value::of(std::string_view(hex, bytes.size() * 2)), true;
          },
          .set = [](EvalContext& c, const Value& v) {
            if (!v.is(Kind::text)) return wrong_type(c, "string", v);
            auto& field = In::edit(c).*Member;
            std::string bytes;
            if (v.text.size() != field.bytes.size() * 2 || !from_hex(v.text, bytes))
              return c.fail("ids must be {} hex characters", field.bytes.size() * 2);
            field = std::remove_reference_t<decltype(field)>::from(bytes);
            return true;
          },
          .reads = In::reads, .edits = In::edits};
}

bool assign_map(EvalContext& c, Arena& arena, Attributes& target, const Value& v) {
  if (!v.is(Kind::map)) return c.fail("unsupported type provided for setting a map: {}", to_string(v.kind));
  if (v.map == &target) return true;
  target = *otlp::Value::of(v.map).deep_copy(arena).fields;
  return true;
}

template <class In, auto Member>
PathRow map(std::string_view name) {
  constexpr auto reach = [](EvalContext& c, bool edit) {
    return edit ? &(In::edit(c).*Member) : const_cast<Attributes*>(&(In::read(c).*Member));
  };
  return {.name = name,
          .get = [](EvalContext& c, Value& out) { return out = Value::of(const_cast<Attributes*>(&(In::read(c).*Member))), true; },
          .set = [](EvalContext& c, const Value& v) { return assign_map(c, c.arena(), In::edit(c).*Member, v); },
          .map = reach,
          .reads = In::reads | (In::reads & Reads::item ? Reads::item_attributes : Reads::nothing), .edits = In::edits};
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

// ---- cache
Attributes* reach_cache(EvalContext& c, bool) { return &c.cache(); }
bool get_cache(EvalContext& c, Value& out) { return out = Value::of(&c.cache()), true; }
bool set_cache(EvalContext& c, const Value& v) { return assign_map(c, c.scratch(), c.cache(), v); }
constexpr PathRow cache_row{.name = "cache", .get = get_cache, .set = set_cache, .map = reach_cache, .temporary = true, .fields = 0};

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

// ---- metrics
bool has_temporality(MetricType type) {
  return type == MetricType::sum || type == MetricType::histogram || type == MetricType::exponential_histogram;
}
bool get_type(EvalContext& c, Value& out) { return out = Value::of(static_cast<std::int64_t>(c.metric().type)), true; }
bool ignore(EvalContext&, const Value&) { return true; }
bool get_temporality(EvalContext& c, Value& out) {
  if (has_temporality(c.metric().type)) out = Value::of(static_cast<std::int64_t>(c.metric().temporality));
  return true;
}
bool set_temporality(EvalContext& c, const Value& v) {
  if (!v.is(Kind::integer)) return wrong_type(c, "int64", v);
  if (has_temporality(c.metric().type)) c.edit_metric().temporality = static_cast<otlp::Temporality>(v.integer);
  return true;
}
bool get_monotonic(EvalContext& c, Value& out) {
  if (c.metric().type == MetricType::sum) out = Value::of(c.metric().is_monotonic);
  return true;
}
bool set_monotonic(EvalContext& c, const Value& v) {
  if (!v.is(Kind::boolean)) return wrong_type(c, "bool", v);
  if (c.metric().type == MetricType::sum) c.edit_metric().is_monotonic = v.boolean;
  return true;
}
bool get_points(EvalContext& c, Value& out) {
  if (c.metric().type != MetricType::none) out = Value::of_part(Part::points, &c.metric());
  return true;
}
bool set_points(EvalContext& c, const Value& v) {
  bool fits = v.is(Kind::opaque) && v.part == Part::points && static_cast<const Metric*>(v.opaque)->type == c.metric().type;
  return fits || wrong_type(c, "the metric's own data points", v);
}

// ---- data points
bool is_number(EvalContext& c) { return c.metric().type == MetricType::gauge || c.metric().type == MetricType::sum; }
bool is_histogram(EvalContext& c) { return c.metric().type == MetricType::histogram; }
bool is_exponential(EvalContext& c) { return c.metric().type == MetricType::exponential_histogram; }
bool is_summary(EvalContext& c) { return c.metric().type == MetricType::summary; }
bool is_counted(EvalContext& c) { return !is_number(c) && c.metric().type != MetricType::none; }
bool wrong_point(EvalContext& c) { return c.fail("unsupported data point type"); }

bool get_value_int(EvalContext& c, Value& out) {
  if (is_number(c)) out = Value::of(c.point->type == otlp::NumberType::integer ? c.point->integer : std::int64_t{0});
  return true;
}
bool set_value_int(EvalContext& c, const Value& v) {
  if (!v.is(Kind::integer)) return wrong_type(c, "int64", v);
  if (!is_number(c)) return wrong_point(c);
  DataPoint& point = InPoint::edit(c);
  point.type = otlp::NumberType::integer;
  point.integer = v.integer;
  return true;
}
bool get_value_double(EvalContext& c, Value& out) {
  if (is_number(c)) out = Value::of(c.point->type == otlp::NumberType::real ? c.point->real : 0.0);
  return true;
}
bool set_value_double(EvalContext& c, const Value& v) {
  if (!v.is(Kind::real)) return wrong_type(c, "float64", v);
  if (!is_number(c)) return wrong_point(c);
  DataPoint& point = InPoint::edit(c);
  point.type = otlp::NumberType::real;
  point.real = v.real;
  return true;
}

// A number that only points of some metric types have.
template <bool (*fits)(EvalContext&), auto Member>
PathRow point_integer(std::string_view name) {
  return {.name = name,
          .get = [](EvalContext& c, Value& out) {
            if (fits(c)) out = Value::of(static_cast<std::int64_t>(c.point->*Member));
            return true;
          },
          .set = [](EvalContext& c, const Value& v) {
            if (!v.is(Kind::integer)) return wrong_type(c, "int64", v);
            if (!fits(c)) return wrong_point(c);
            auto& field = InPoint::edit(c).*Member;
            field = static_cast<std::remove_reference_t<decltype(field)>>(v.integer);
            return true;
          },
          .reads = InPoint::reads, .edits = InPoint::edits};
}

bool get_sum(EvalContext& c, Value& out) {
  if (is_counted(c)) out = Value::of(c.point->sum);
  return true;
}
bool set_sum(EvalContext& c, const Value& v) {
  if (!v.is(Kind::real)) return wrong_type(c, "float64", v);
  if (!is_counted(c)) return wrong_point(c);
  DataPoint& point = InPoint::edit(c);
  point.sum = v.real;
  point.has_sum = true;
  return true;
}

bool get_bounds(EvalContext& c, Value& out) {
  if (!is_histogram(c)) return true;
  auto* list = c.scratch().make<otlp::Array>();
  for (double bound : c.point->explicit_bounds) list->push_back(c.scratch(), otlp::Value::of(bound));
  out = Value::of(list);
  out.part = Part::bounds;
  return true;
}
bool set_bounds(EvalContext& c, const Value& v) {
  if (!v.is(Kind::list)) return wrong_type(c, "[]float64", v);
  if (!is_histogram(c)) return wrong_point(c);
  ArenaVector<double> bounds;
  for (const otlp::Value& one : *v.list) {
    if (!one.is(otlp::ValueType::real)) return c.fail("expects float64 elements");
    bounds.push_back(c.arena(), one.real);
  }
  InPoint::edit(c).explicit_bounds = bounds;
  return true;
}

bool take_counts(EvalContext& c, const Value& v, ArenaVector<std::uint64_t>& out) {
  if (v.is(Kind::opaque) && v.part == Part::counts) {
    for (std::uint64_t n : v.counts()) out.push_back(c.arena(), n);
    return true;
  }
  if (!v.is(Kind::list)) return wrong_type(c, "[]uint64", v);
  for (const otlp::Value& one : *v.list) {
    if (!one.is(otlp::ValueType::integer)) return c.fail("expects int64 elements");
    out.push_back(c.arena(), static_cast<std::uint64_t>(one.integer));
  }
  return true;
}
bool get_buckets(EvalContext& c, Value& out) {
  if (is_histogram(c)) out = Value::of_part(Part::counts, &c.point->bucket_counts);
  return true;
}
bool set_buckets(EvalContext& c, const Value& v) {
  if (!is_histogram(c)) return wrong_point(c);
  ArenaVector<std::uint64_t> counts;
  if (!take_counts(c, v, counts)) return false;
  InPoint::edit(c).bucket_counts = counts;
  return true;
}

bool get_exemplars(EvalContext& c, Value& out) {
  if (!is_summary(c)) out = Value::of_part(Part::exemplars, &c.point->exemplars);
  return true;
}
bool set_exemplars(EvalContext& c, const Value& v) {
  if (!v.is(Kind::opaque) || v.part != Part::exemplars) return wrong_type(c, "pmetric.ExemplarSlice", v);
  ArenaVector<Exemplar> copy;
  for (auto& one : *static_cast<const ArenaVector<Exemplar>*>(v.opaque)) copy.push_back(c.arena(), one);
  if (!is_summary(c)) InPoint::edit(c).exemplars = copy;
  return true;
}
bool get_quantiles(EvalContext& c, Value& out) {
  if (is_summary(c)) out = Value::of_part(Part::quantiles, &c.point->quantiles);
  return true;
}
bool set_quantiles(EvalContext& c, const Value& v) {
  if (!v.is(Kind::opaque) || v.part != Part::quantiles) return wrong_type(c, "pmetric.SummaryDataPointValueAtQuantileSlice", v);
  if (!is_summary(c)) return wrong_point(c);
  ArenaVector<DataPoint::Quantile> copy;
  for (auto& one : *static_cast<const ArenaVector<DataPoint::Quantile>*>(v.opaque)) copy.push_back(c.arena(), one);
  InPoint::edit(c).quantiles = copy;
  return true;
}

// positive and negative buckets
template <auto Side>
struct Buckets {
  static bool get(EvalContext& c, Value& out) {
    if (is_exponential(c)) out = Value::of_part(Part::buckets, &(c.point->*Side));
    return true;
  }
  static bool set(EvalContext& c, const Value& v) {
    if (!v.is(Kind::opaque) || v.part != Part::buckets) return wrong_type(c, "pmetric.ExponentialHistogramDataPointBuckets", v);
    if (!is_exponential(c)) return wrong_point(c);
    auto& from = *static_cast<const DataPoint::Buckets*>(v.opaque);
    DataPoint::Buckets copy{from.offset, {}, true};
    for (std::uint64_t n : from.counts) copy.counts.push_back(c.arena(), n);
    InPoint::edit(c).*Side = copy;
    return true;
  }
  static bool get_offset(EvalContext& c, Value& out) {
    if (is_exponential(c)) out = Value::of(std::int64_t{(c.point->*Side).offset});
    return true;
  }
  static bool set_offset(EvalContext& c, const Value& v) {
    if (!v.is(Kind::integer)) return wrong_type(c, "int64", v);
    if (!is_exponential(c)) return wrong_point(c);
    DataPoint::Buckets& side = InPoint::edit(c).*Side;
    side.offset = static_cast<std::int32_t>(v.integer);
    side.present = true;
    return true;
  }
  static bool get_counts(EvalContext& c, Value& out) {
    if (is_exponential(c)) out = Value::of_part(Part::counts, &(c.point->*Side).counts);
    return true;
  }
  static bool set_counts(EvalContext& c, const Value& v) {
    if (!is_exponential(c)) return wrong_point(c);
    ArenaVector<std::uint64_t> counts;
    if (!take_counts(c, v, counts)) return false;
    DataPoint::Buckets& side = InPoint::edit(c).*Side;
    side.counts = counts;
    side.present = true;
    return true;
  }
};

// ---- exemplars: values of the wrong type are ignored, as the collector does
bool get_exemplar_real(EvalContext& c, Value& out) {
  return out = Value::of(c.exemplar->type == otlp::NumberType::real ? c.exemplar->real : 0.0), true;
}
bool set_exemplar_real(EvalContext& c, const Value& v) {
  if (!v.is(Kind::real)) return true;
  Exemplar& to = InExemplar::edit(c);
  to.type = otlp::NumberType::real;
  to.real = v.real;
  return true;
}
bool get_exemplar_integer(EvalContext& c, Value& out) {
  return out = Value::of(c.exemplar->type == otlp::NumberType::integer ? c.exemplar->integer : std::int64_t{0}), true;
}
bool set_exemplar_integer(EvalContext& c, const Value& v) {
  if (!v.is(Kind::integer)) return true;
  Exemplar& to = InExemplar::edit(c);
  to.type = otlp::NumberType::integer;
  to.integer = v.integer;
  return true;
}

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
  static const std::array metric_rows{
      cache_row,
      text<InMetric, &Metric::name>("name"),
      text<InMetric, &Metric::description>("description"),
      text<InMetric, &Metric::unit>("unit"),
      map<InMetric, &Metric::metadata>("metadata"),
      PathRow{.name = "type", .get = get_type, .set = ignore, .reads = Reads::item},
      PathRow{.name = "aggregation_temporality", .get = get_temporality, .set = set_temporality, .reads = Reads::item, .edits = Reads::edits_item},
      PathRow{.name = "is_monotonic", .get = get_monotonic, .set = set_monotonic, .reads = Reads::item, .edits = Reads::edits_item},
      PathRow{.name = "data_points", .get = get_points, .set = set_points, .reads = Reads::item | Reads::sub_items, .edits = Reads::edits_item},
  };
  constexpr Reads of = InPoint::reads, to = InPoint::edits;
  static const std::array point_rows{
      cache_row,
      map<InPoint, &DataPoint::attributes>("attributes"),
      time<InPoint, &DataPoint::start_time_unix_nano>("start_time"),
      time<InPoint, &DataPoint::time_unix_nano>("time"),
      integer<InPoint, &DataPoint::start_time_unix_nano>("start_time_unix_nano"),
      integer<InPoint, &DataPoint::time_unix_nano>("time_unix_nano"),
      PathRow{.name = "value_double", .get = get_value_double, .set = set_value_double, .reads = of, .edits = to},
      PathRow{.name = "value_int", .get = get_value_int, .set = set_value_int, .reads = of, .edits = to},
      PathRow{.name = "exemplars", .get = get_exemplars, .set = set_exemplars, .reads = of, .edits = to},
      integer<InPoint, &DataPoint::flags>("flags"),
      point_integer<is_counted, &DataPoint::count>("count"),
      PathRow{.name = "sum", .get = get_sum, .set = set_sum, .reads = of, .edits = to},
      PathRow{.name = "bucket_counts", .get = get_buckets, .set = set_buckets, .reads = of, .edits = to},
      PathRow{.name = "explicit_bounds", .get = get_bounds, .set = set_bounds, .reads = of, .edits = to},
      point_integer<is_exponential, &DataPoint::scale>("scale"),
      point_integer<is_exponential, &DataPoint::zero_count>("zero_count"),
      PathRow{.name = "positive", .get = Buckets<&DataPoint::positive>::get, .set = Buckets<&DataPoint::positive>::set, .reads = of, .edits = to},
      PathRow{.name = "positive.offset", .get = Buckets<&DataPoint::positive>::get_offset, .set = Buckets<&DataPoint::positive>::set_offset, .reads = of, .edits = to},
      PathRow{.name = "positive.bucket_counts", .get = Buckets<&DataPoint::positive>::get_counts, .set = Buckets<&DataPoint::positive>::set_counts, .reads = of, .edits = to},
      PathRow{.name = "negative", .get = Buckets<&DataPoint::negative>::get, .set = Buckets<&DataPoint::negative>::set, .reads = of, .edits = to},
      PathRow{.name = "negative.offset", .get = Buckets<&DataPoint::negative>::get_offset, .set = Buckets<&DataPoint::negative>::set_offset, .reads = of, .edits = to},
      PathRow{.name = "negative.bucket_counts", .get = Buckets<&DataPoint::negative>::get_counts, .set = Buckets<&DataPoint::negative>::set_counts, .reads = of, .edits = to},
      PathRow{.name = "quantile_values", .get = get_quantiles, .set = set_quantiles, .reads = of, .edits = to},
  };
  static const std::array exemplar_rows{
      cache_row,
      time<InExemplar, &Exemplar::time_unix_nano>("time"),
      integer<InExemplar, &Exemplar::time_unix_nano>("time_unix_nano"),
      PathRow{.name = "double_value", .get = get_exemplar_real, .set = set_exemplar_real, .reads = of, .edits = to},
      PathRow{.name = "int_value", .get = get_exemplar_integer, .set = set_exemplar_integer, .reads = of, .edits = to},
      id<InExemplar, &Exemplar::trace_id>("trace_id"),
      id_text<InExemplar, &Exemplar::trace_id>("trace_id.string"),
      id<InExemplar, &Exemplar::span_id>("span_id"),
      id_text<InExemplar, &Exemplar::span_id>("span_id.string"),
      map<InExemplar, &Exemplar::filtered_attributes>("filtered_attributes"),
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
    case ContextId::metric: return metric_rows;
    case ContextId::datapoint: return point_rows;
    case ContextId::exemplar: return exemplar_rows;
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
