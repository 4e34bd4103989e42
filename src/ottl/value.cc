#include "ottl/value.h"

#include "base/text.h"
#include "ottl/time/civil.h"

namespace weir::ottl {

std::string_view to_string(Kind kind) {
  constexpr std::array<std::string_view, 14> names = {"nil",  "bool",     "int64",   "float64", "string",    "[]byte", "map",
                                                      "list", "time", "duration", "TraceID", "SpanID", "ProfileID", "message part"};
  return names[static_cast<std::size_t>(kind)];
}

Time Time::from_unix_nanos(std::int64_t nanos) {
  std::int64_t seconds = nanos / 1'000'000'000, rest = nanos % 1'000'000'000;
  if (rest < 0) --seconds, rest += 1'000'000'000;
  return {seconds, static_cast<std::int32_t>(rest), 0};
}

Value Value::of(otlp::Value& from, Arena& arena, bool owned) {
  switch (from.type) {
    case otlp::ValueType::empty: return {};
    case otlp::ValueType::string: return of(from.text, owned);
    case otlp::ValueType::boolean: return of(from.boolean);
    case otlp::ValueType::integer: return of(from.integer);
    case otlp::ValueType::real: return of(from.real);
    case otlp::ValueType::bytes: return of_bytes(from.text, owned);
    case otlp::ValueType::array: return of(&from.array(arena));
    case otlp::ValueType::map: return of(&from.map(arena));
  }
  return {};
}

namespace {

bool same(otlp::Value& a, otlp::Value& b, Arena& arena);

bool same(otlp::Array& a, otlp::Array& b, Arena& arena) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!same(a[i], b[i], arena)) return false;
  return true;
}

bool same(otlp::Attributes& a, otlp::Attributes& b, Arena& arena) {
  if (a.size() != b.size()) return false;
  for (otlp::KeyValue& kv : a) {
    otlp::Value* other = b.find(kv.key);
    if (other == nullptr || !same(kv.value, *other, arena)) return false;
  }
  return true;
}

bool same(otlp::Value& a, otlp::Value& b, Arena& arena) {
  if (a.type != b.type) return false;
  if (a.is(otlp::ValueType::array)) return same(a.array(arena), b.array(arena), arena);
  if (a.is(otlp::ValueType::map)) return same(a.map(arena), b.map(arena), arena);
  return otlp::equal(a, b);
}

// Types that know only equality.
bool equality(bool equal, Op op) { return op == Op::eq ? equal : op == Op::ne && !equal; }

int order(const Time& a, const Time& b) { return a.before(b) ? -1 : b.before(a) ? 1 : 0; }

// What Split and explicit bounds give has a type of its own there, equal to no other list.
Part go_type(const Value& list) {
  bool typed = list.part == Part::texts || list.part == Part::bounds;
  return typed ? list.part : Part::none;
}

// Of parts of messages the Go collector shows only lists of counts, and null for an empty one.
void append_part_json(std::string& out, const Value& value) {
  if (value.part != Part::counts) return void(out += "{}");
  auto& counts = value.counts();
  if (counts.empty()) return void(out += "null");
  fmt::format_to(std::back_inserter(out), "[{}]", fmt::join(counts.begin(), counts.end(), ","));
}

}  // namespace

bool compare(const Value& a, Op op, const Value& b, Arena& arena) {
  auto nothing = [](const Value& v) { return v.nil() || (v.is(Kind::bytes) && v.text.empty()); };
  if (nothing(a) || nothing(b)) return nothing(a) && nothing(b) ? op == Op::eq || op == Op::le || op == Op::ge : op == Op::ne;
  if (a.kind != b.kind) {
    if (a.is(Kind::integer) && b.is(Kind::real)) return ordered(static_cast<double>(a.integer), op, b.real);
    if (a.is(Kind::real) && b.is(Kind::integer)) return ordered(a.real, op, static_cast<double>(b.integer));
    return op == Op::ne;
  }
  switch (a.kind) {
    case Kind::nil: return false;
    case Kind::boolean: return ordered(a.boolean, op, b.boolean);
    case Kind::integer:
    case Kind::duration: return ordered(a.integer, op, b.integer);
    case Kind::real: return ordered(a.real, op, b.real);
    case Kind::text:
    case Kind::bytes: return ordered(a.text, op, b.text);
    case Kind::time: return ordered(order(a.time, b.time), op, 0);
    case Kind::map: return equality(same(*a.map, *b.map, arena), op);
    case Kind::list: return equality(go_type(a) == go_type(b) && same(*a.list, *b.list, arena), op);
    case Kind::trace_id:
    case Kind::profile_id: return equality(a.trace_id == b.trace_id, op);
    case Kind::span_id: return equality(a.span_id == b.span_id, op);
    case Kind::opaque: return equality(a.part == b.part && a.opaque == b.opaque, op);
  }
  return false;
}

bool to_otlp(const Value& value, Arena& arena, otlp::Value& out) {
  switch (value.kind) {
    case Kind::nil: return out = {}, true;
    case Kind::boolean: return out = otlp::Value::of(value.boolean), true;
    case Kind::integer: return out = otlp::Value::of(value.integer), true;
    case Kind::real: return out = otlp::Value::of(value.real), true;
    case Kind::text: return out = otlp::Value::of(value.owned ? value.text : arena.copy(value.text)), true;
    case Kind::bytes: return out = otlp::Value::of_bytes(value.owned ? value.text : arena.copy(value.text)), true;
    case Kind::map: return out = otlp::Value::of(value.map).deep_copy(arena), true;
    case Kind::list: return out = otlp::Value::of(value.list).deep_copy(arena), true;
    default: return false;
  }
}

void append_json(std::string& out, const Value& value, Arena& scratch) {
  auto ids = [&](std::string_view bytes) {
    out += '[';
    for (std::size_t i = 0; i < bytes.size(); ++i) fmt::format_to(std::back_inserter(out), "{}{}", i ? "," : "", static_cast<unsigned char>(bytes[i]));
    out += ']';
  };
  switch (value.kind) {
    case Kind::nil: out += "null"; return;
    case Kind::opaque: return append_part_json(out, value);
    case Kind::time: out += '"' + format_rfc3339(value.time) + '"'; return;
    case Kind::duration: fmt::format_to(std::back_inserter(out), "{}", value.integer); return;
    case Kind::trace_id:
    case Kind::profile_id: return ids(value.trace_id.view());
    case Kind::span_id: return ids(value.span_id.view());
    case Kind::text: out += quote_json(value.text); return;
    default: {
      if (value.is(Kind::list) && value.part == Part::bounds && value.list->empty()) return void(out += "null");
      otlp::Value plain;
      to_otlp(value, scratch, plain);
      // Of JSON, only texts have these; Go escapes them here, other than when it prints attributes.
      for (char ch : otlp::to_text(plain))
        if (ch == '<' || ch == '>' || ch == '&')
          out += ch == '<' ? "\\u003c" : ch == '>' ? "\\u003e" : "\\u0026";
        else
          out += ch;
    }
  }
}

bool to_text(const Value& value, Arena& scratch, std::string_view& out) {
  switch (value.kind) {
    case Kind::nil: return false;
    case Kind::text: return out = value.text, true;
    case Kind::boolean: return out = value.boolean ? "true" : "false", true;
    case Kind::integer: {
      fmt::format_int digits(value.integer);
      return out = scratch.copy({digits.data(), digits.size()}), true;
    }
    default: {
      std::string text;
      if (value.is(Kind::bytes))
        append_hex(text, value.text);
      else
        append_json(text, value, scratch);
      return out = scratch.copy(text), true;
    }
  }
}

}  // namespace weir::ottl
