// Conversions between types and tests of types.
#include "base/text.h"
#include "ottl/function.h"

namespace weir::ottl {
namespace {

bool to_bool(EvalContext& c, const Call& call, Value& out) {
  bool value, found;
  if (!call.boolean_like(c, 0, value, found)) return false;
  if (found) out = Value::of(value);
  return true;
}

bool to_double(EvalContext& c, const Call& call, Value& out) {
  double value;
  bool found;
  if (!call.real_like(c, 0, value, found)) return false;
  if (found) out = Value::of(value);
  return true;
}

bool to_int(EvalContext& c, const Call& call, Value& out) {
  std::int64_t value;
  bool found;
  if (!call.integer_like(c, 0, value, found)) return false;
  if (found) out = Value::of(value);
  return true;
}

bool to_string(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  bool found;
  if (!call.text_like(c, 0, text, found)) return false;
  if (found) out = Value::of(text);
  return true;
}

// The value as bytes: numbers as their eight, most significant first; nil as none.
bool bytes_like(EvalContext& c, const Value& value, std::string& out) {
  auto word = [&](std::uint64_t bits) {
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(bits >> shift);
  };
  switch (value.kind) {
    case Kind::nil: return true;
    case Kind::text:
    case Kind::bytes: return out = value.text, true;
    case Kind::boolean: return out = value.boolean ? '\1' : '\0', true;
    case Kind::integer: return word(static_cast<std::uint64_t>(value.integer)), true;
    case Kind::real: return word(std::bit_cast<std::uint64_t>(value.real)), true;
    default: return c.fail("unsupported type: {}", ottl::to_string(value.kind));
  }
}

bool hex(EvalContext& c, const Call& call, Value& out) {
  Value value;
  std::string bytes;
  if (!call.value(c, 0, value) || !bytes_like(c, value, bytes)) return false;
  return out = c.scratch_text(to_hex(bytes)), true;
}

template <Kind kind>
bool is_kind(EvalContext& c, const Call& call, Value& out) {
  Value value;
  if (!call.value(c, 0, value)) return false;
  return out = Value::of(value.is(kind)), true;
}

bool is_list(EvalContext& c, const Call& call, Value& out) {
  Value value;
  if (!call.value(c, 0, value)) return false;
  bool list = value.is(Kind::list) || (value.is(Kind::opaque) && value.part != Part::status && value.part != Part::buckets && value.part != Part::counts);
  return out = Value::of(list), true;
}

bool empty(const Value& value) {
  switch (value.kind) {
    case Kind::nil: return true;
    case Kind::boolean: return !value.boolean;
    case Kind::integer:
    case Kind::duration: return value.integer == 0;
    case Kind::real: return value.real == 0;
    case Kind::text:
    case Kind::bytes: return value.text.empty();
    case Kind::map: return value.map->empty();
    case Kind::list: return value.list->empty();
    case Kind::time: return value.time.seconds == -62135596800 && value.time.nanos == 0;  // year 1
    case Kind::trace_id:
    case Kind::profile_id: return value.trace_id.empty();
    case Kind::span_id: return value.span_id.empty();
    case Kind::opaque: return false;
  }
  return false;
}

bool is_empty(EvalContext& c, const Call& call, Value& out) {
  Value value;
  if (!call.value(c, 0, value)) return false;
  return out = Value::of(empty(value)), true;
}

std::size_t part_size(const Value& value) {
  switch (value.part) {
    case Part::events: return static_cast<const ArenaVector<otlp::Span::Event>*>(value.opaque)->size();
    case Part::links: return static_cast<const ArenaVector<otlp::Span::Link>*>(value.opaque)->size();
    case Part::exemplars: return static_cast<const ArenaVector<otlp::Exemplar>*>(value.opaque)->size();
    case Part::quantiles: return static_cast<const ArenaVector<otlp::DataPoint::Quantile>*>(value.opaque)->size();
    case Part::counts: return value.counts().size();
    case Part::points: return static_cast<const otlp::Metric*>(value.opaque)->points.size();
    default: return ~std::size_t{0};
  }
}

bool len(EvalContext& c, const Call& call, Value& out) {
  Value value;
  if (!call.value(c, 0, value)) return false;
  std::size_t size = ~std::size_t{0};
  switch (value.kind) {
    case Kind::text:
    case Kind::bytes: size = value.text.size(); break;
    case Kind::map: size = value.map->size(); break;
    case Kind::list: size = value.list->size(); break;
    case Kind::opaque: size = part_size(value); break;
    default: break;
  }
  if (size == ~std::size_t{0}) return c.fail("Len: unsupported target type {}", ottl::to_string(value.kind));
  return out = Value::of(static_cast<std::int64_t>(size)), true;
}

// From bytes of exactly the right number, or from their hex text.
template <class Id>
bool to_id(EvalContext& c, const Call& call, Value& out) {
  Value value;
  std::string bytes, decoded;
  if (!call.value(c, 0, value) || !bytes_like(c, value, bytes)) return false;
  constexpr std::size_t size = sizeof(Id::bytes);
  if (bytes.size() == size) return out = Value::of(Id::from(bytes)), true;
  if (bytes.size() != 2 * size) return c.fail("{} must be {} bytes or {} hex digits, got {}", call.info().name, size, 2 * size, bytes.size());
  if (!from_hex(bytes, decoded)) return c.fail("{}: \"{}\" is not hexadecimal", call.info().name, bytes);
  return out = Value::of(Id::from(decoded)), true;
}

bool to_profile_id(EvalContext& c, const Call& call, Value& out) {
  if (!to_id<otlp::TraceId>(c, call, out)) return false;
  return out.kind = Kind::profile_id, true;
}

template <bool (*f)(EvalContext&, const Call&, Value&)>
Result<> check_literal(Call& call) {
  if (call.constant(0) == nullptr) return {};
  Arena arena;
  ManualClock clock;
  Rng rng(0);
  EvalContext c(arena, clock, rng);
  Value ignored;
  if (!f(c, call, ignored)) return fail(Errc::config, "{}", c.error);
  return {};
}

bool coalesce(EvalContext& c, const Call& call, Value& out) {
  for (auto& item : call[0].items) {
    if (!item->eval(c, out)) return false;
    if (!out.nil()) return true;
  }
  return true;
}
Result<> check_coalesce(Call& call) {
  if (call[0].items.empty()) return fail(Errc::config, "requires at least one argument");
  return {};
}

}  // namespace

std::span<const FunctionInfo> type_functions() {
  static const std::array rows{
      FunctionInfo{"Bool", "The value as a bool: numbers are true when not 0; texts are read like 1, t, true, 0, f, false.",
                   {{"target", Takes::boolean_like}}, to_bool},
      FunctionInfo{"Double", "The value as a double; nil when it is nil.", {{"target", Takes::real_like}}, to_double},
      FunctionInfo{"Int", "The value as an int, cut towards zero; nil for a text that is not one.", {{"target", Takes::integer_like}}, to_int},
      FunctionInfo{"String", "The value as text: bytes in hex, maps and lists as JSON; nil when it is nil.", {{"target", Takes::text_like}}, to_string},
      FunctionInfo{"Hex", "The bytes of the value in hexadecimal.", {{"target", Takes::bytes_like}}, hex, check_literal<hex>},
      FunctionInfo{"IsBool", "Whether the value is a bool.", {{"target", Takes::boolean}}, is_kind<Kind::boolean>},
      FunctionInfo{"IsDouble", "Whether the value is a double.", {{"target", Takes::real}}, is_kind<Kind::real>},
      FunctionInfo{"IsInt", "Whether the value is an int.", {{"target", Takes::integer}}, is_kind<Kind::integer>},
      FunctionInfo{"IsString", "Whether the value is a text.", {{"target", Takes::text}}, is_kind<Kind::text>},
      FunctionInfo{"IsMap", "Whether the value is a map.", {{"target", Takes::map}}, is_kind<Kind::map>},
      FunctionInfo{"IsList", "Whether the value is a list.", {{"target", Takes::any}}, is_list},
      FunctionInfo{"IsEmpty", "Whether the value is nil, empty or the zero of its type.", {{"target", Takes::any}}, is_empty},
      FunctionInfo{"Len", "Bytes of a text, entries of a map, elements of a list.", {{"target", Takes::any}}, len},
      FunctionInfo{"TraceID", "A trace id from 16 bytes or 32 hex digits.", {{"target", Takes::bytes_like}}, to_id<otlp::TraceId>, check_literal<to_id<otlp::TraceId>>},
      FunctionInfo{"SpanID", "A span id from 8 bytes or 16 hex digits.", {{"target", Takes::bytes_like}}, to_id<otlp::SpanId>, check_literal<to_id<otlp::SpanId>>},
      FunctionInfo{"ProfileID", "A profile id from 16 bytes or 32 hex digits.", {{"target", Takes::bytes_like}}, to_profile_id, check_literal<to_profile_id>},
      FunctionInfo{"Coalesce", "The first of the values that is not nil.", {{"values", Takes::any_list}}, coalesce, check_coalesce},
  };
  return rows;
}

}  // namespace weir::ottl
