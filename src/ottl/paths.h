#pragma once
// The fields of each context that statements can name, as a table of typed accessors.
#include "ottl/context.h"

namespace weir::ottl {

// What a program touches; a plan uses it to decode and partition no more than needed.
enum class Reads : std::uint16_t {
  nothing = 0,
  resource = 1 << 0,
  scope = 1 << 1,
  item = 1 << 2,            // fields of the span, log record or metric
  item_attributes = 1 << 3, // of the span, log record or metric itself
  sub_items = 1 << 4,       // events, links, data points, exemplars
  sender = 1 << 5,
  edits_resource = 1 << 8,
  edits_scope = 1 << 9,
  edits_item = 1 << 10,
  edits_trace_id = 1 << 11,
};
constexpr Reads operator|(Reads a, Reads b) { return static_cast<Reads>(static_cast<int>(a) | static_cast<int>(b)); }
constexpr Reads& operator|=(Reads& a, Reads b) { return a = a | b; }
constexpr bool operator&(Reads a, Reads b) { return (static_cast<int>(a) & static_cast<int>(b)) != 0; }

struct PathRow {
  std::string_view name;  // without the context: "status.code"
  bool (*get)(EvalContext&, Value& out) = nullptr;
  bool (*set)(EvalContext&, const Value& value) = nullptr;
  // What get() gives, for fields that are always a text or an integer.
  std::string_view (*text)(EvalContext&) = nullptr;
  std::int64_t (*integer)(EvalContext&) = nullptr;
  // For paths that take keys: the map, or the value that may be a map or list. `edit` marks what it is in as changed.
  otlp::Attributes* (*map)(EvalContext&, bool edit) = nullptr;
  otlp::Value* (*value)(EvalContext&, bool edit) = nullptr;
  // trace_state["key"], otelcol.client.metadata["key"]: one text key.
  bool (*get_key)(EvalContext&, std::string_view key, Value& out) = nullptr;
  bool (*set_key)(EvalContext&, std::string_view key, const Value& value) = nullptr;
  bool temporary = false;  // what is in it lives only as long as the item's statements run
  Reads reads = Reads::nothing, edits = Reads::nothing;
  std::uint32_t fields = otlp::Excerpt::every_field;  // of the item, which it reads

  bool takes_keys() const { return map != nullptr || value != nullptr || get_key != nullptr; }
};

std::span<const PathRow> paths_of(ContextId context);
std::span<const PathRow> collector_paths();  // otelcol.*

// Enum symbols that statements of `context` may use.
bool enum_value(ContextId context, std::string_view name, std::int64_t& out);

}  // namespace weir::ottl
