#pragma once
// What an expression evaluates to while a statement runs: a small tagged union that borrows its text and containers.
// Text and containers belong to the telemetry, to the program's literals or to the scratch arena of the run; whoever
// stores a value copies it (EvalContext::keep).
#include <string>

#include "base/time.h"
#include "otlp/model.h"

namespace weir::ottl {

enum class Kind : std::uint8_t {
  nil,
  boolean,
  integer,
  real,
  text,
  bytes,
  map,
  list,
  time,
  duration,
  trace_id,
  span_id,
  profile_id,
  opaque,  // a part of a message that can only be handed on: events, links, exemplars, buckets, …
};
std::string_view to_string(Kind kind);  // the word error messages use

// Which message part an opaque value points at; a setter takes only its own.
enum class Part : std::uint8_t {
  none,
  events,
  links,
  exemplars,
  quantiles,
  buckets,
  points,
  status,
  counts,        // std::uint64_t list: bucket counts
  written_list,  // lists only: written out in the statement, not taken from the telemetry
  partial_list,  // lists only: written out, and attributes cannot hold one of its values: only a setter takes it, and leaves that empty
  bounds,        // lists only: a histogram's explicit bounds
  texts,         // lists only: what Split gives
};

// A point in time with the zone it is shown in. The range is that of civil years, far beyond 64-bit nanoseconds.
struct Time {
  std::int64_t seconds = 0;  // since 1970-01-01 UTC
  std::int32_t nanos = 0;    // 0 … 999,999,999
  std::int32_t offset = 0;   // seconds east of UTC

  static Time from_unix_nanos(std::int64_t nanos);
  // Wraps around outside 1677…2262, as Go's UnixNano does.
  std::int64_t unix_nanos() const {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(seconds) * 1'000'000'000u + static_cast<std::uint64_t>(nanos));
  }
  bool same_instant(const Time& o) const { return seconds == o.seconds && nanos == o.nanos; }
  bool before(const Time& o) const { return seconds != o.seconds ? seconds < o.seconds : nanos < o.nanos; }
};

struct Value {
  Kind kind = Kind::nil;
  Part part = Part::none;     // opaque; lists: from written_list on
  bool owned = false;         // text and bytes: lives as long as the batch, need not be copied to be stored
  char zone[5] = {};          // time: abbreviation of its zone, "" when it has none
  union {
    std::string_view text{};  // text, bytes
    bool boolean;
    std::int64_t integer;     // integer, duration (nanoseconds)
    double real;
    otlp::Attributes* map;
    otlp::Array* list;
    Time time;
    otlp::TraceId trace_id;   // trace_id, profile_id
    otlp::SpanId span_id;
    const void* opaque;
  };

  Value() {}
  static Value of(bool v) {
    Value out;
    return out.kind = Kind::boolean, out.boolean = v, out;
  }
  static Value of(std::int64_t v) {
    Value out;
    return out.kind = Kind::integer, out.integer = v, out;
  }
  static Value of(double v) {
    Value out;
    return out.kind = Kind::real, out.real = v, out;
  }
  static Value of(std::string_view v, bool owned = false) {
    Value out;
    return out.kind = Kind::text, out.text = v, out.owned = owned, out;
  }
  static Value of(const char*) = delete;  // would be a bool
  static Value of_bytes(std::string_view v, bool owned = false) {
    Value out;
    return out.kind = Kind::bytes, out.text = v, out.owned = owned, out;
  }
  static Value of(otlp::Attributes* v) {
    Value out;
    return out.kind = Kind::map, out.map = v, out;
  }
  static Value of(otlp::Array* v) {
    Value out;
    return out.kind = Kind::list, out.list = v, out;
  }
  static Value of(Time v) {
    Value out;
    return out.kind = Kind::time, out.time = v, out;
  }
  static Value of_unix_nanos(std::uint64_t v) {
    Value out = of(Time::from_unix_nanos(static_cast<std::int64_t>(v)));
    return std::memcpy(out.zone, "UTC", 3), out;
  }
  static Value of_duration(std::int64_t nanos) {
    Value out;
    return out.kind = Kind::duration, out.integer = nanos, out;
  }
  static Value of(otlp::TraceId v) {
    Value out;
    return out.kind = Kind::trace_id, out.trace_id = v, out;
  }
  static Value of(otlp::SpanId v) {
    Value out;
    return out.kind = Kind::span_id, out.span_id = v, out;
  }
  static Value of_part(Part part, const void* where) {
    Value out;
    return out.kind = Kind::opaque, out.part = part, out.opaque = where, out;
  }
  // Decodes arrays and maps that are still message bytes, into `arena`; `from` is changed in place then.
  static Value of(otlp::Value& from, Arena& arena, bool owned);

  // The same in place. Where values come by the million: a copy of what was only just put together makes the processor
  // wait, since it loads in one piece what was stored in several.
  void clear() { begin(Kind::nil); }
  void set(bool v) { begin(Kind::boolean), boolean = v; }
  void set(std::int64_t v) { begin(Kind::integer), integer = v; }
  void set(std::string_view v, bool lives_with_batch) { begin(Kind::text), text = v, owned = lives_with_batch; }
  void set(const char*) = delete;  // would be a bool
  void set(otlp::Value& from, Arena& arena, bool lives_with_batch) {
    if (from.is(otlp::ValueType::string))
      set(from.text, lives_with_batch);
    else
      *this = of(from, arena, lives_with_batch);
  }

  bool is(Kind k) const { return kind == k; }
  bool nil() const { return kind == Kind::nil; }
  // Of Part::counts.
  const ArenaVector<std::uint64_t>& counts() const { return *static_cast<const ArenaVector<std::uint64_t>*>(opaque); }

 private:
  void begin(Kind k) {
    kind = k;
    part = Part::none;
    owned = false;
    std::memset(zone, 0, sizeof zone);
  }
};
static_assert(sizeof(Value) == 24 && std::is_trivially_copyable_v<Value>);

enum class Op : std::uint8_t { eq, ne, lt, le, ge, gt };
// Go's rules as the collector applies them: numbers compare across int and float, nil equals only nil, empty bytes count as nil, values of
// different types are unequal and otherwise incomparable. Never fails. `arena` is that of the telemetry: containers that
// are still bytes are decoded into it.
bool compare(const Value& a, Op op, const Value& b, Arena& arena);

// For two of a kind that has an order.
template <class T>
bool ordered(const T& a, Op op, const T& b) {
  switch (op) {
    case Op::eq: return a == b;
    case Op::ne: return a != b;
    case Op::lt: return a < b;
    case Op::le: return a <= b;
    case Op::ge: return a >= b;
    case Op::gt: return a > b;
  }
  return false;
}

// As an attribute value whose children live in `arena`; text is copied unless `value.owned`. False for kinds that an
// attribute cannot hold.
bool to_otlp(const Value& value, Arena& arena, otlp::Value& out);

// Text conversions. `to_json` is what Go's JSON encoder would write for the value.
void append_json(std::string& out, const Value& value, Arena& scratch);
// String-like arguments: text as is, bytes as hex, the rest as JSON. False for nil.
bool to_text(const Value& value, Arena& scratch, std::string_view& out);

}  // namespace weir::ottl
