#pragma once
// What rows of paths are made of: fields that are one member of a message. For paths.cc and paths_metric.cc.
#include "base/text.h"
#include "ottl/paths.h"

namespace weir::ottl::rows {

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

inline bool wrong_type(EvalContext& c, std::string_view wanted, const Value& got) {
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
          .text = [](EvalContext& c) { return In::read(c).*Member; },
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
          .integer = [](EvalContext& c) { return static_cast<std::int64_t>(In::read(c).*Member); },
          .reads = In::reads, .edits = In::edits};
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

inline bool assign_map(EvalContext& c, Arena& arena, Attributes& target, const Value& v) {
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

// ---- cache
inline Attributes* reach_cache(EvalContext& c, bool) { return &c.cache(); }
inline bool get_cache(EvalContext& c, Value& out) { return out = Value::of(&c.cache()), true; }
inline bool set_cache(EvalContext& c, const Value& v) { return assign_map(c, c.scratch(), c.cache(), v); }
inline constexpr PathRow cache_row{.name = "cache", .get = get_cache, .set = set_cache, .map = reach_cache, .temporary = true, .fields = 0};

std::span<const PathRow> metric_paths();
std::span<const PathRow> point_paths();
std::span<const PathRow> exemplar_paths();

}  // namespace weir::ottl::rows
