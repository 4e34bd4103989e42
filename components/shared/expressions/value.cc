// What all operators and functions know about values.
#include "base/number.h"
#include "components/shared/expressions/node.h"
#include "ottl/time/civil.h"

namespace weir::expressions {
namespace {

bool is_number(const Value& v) { return v.is(Kind::integer) || v.is(Kind::real); }
double real_of(const Value& v) { return v.is(Kind::integer) ? static_cast<double>(v.integer) : v.real; }

template <class T>
int sign(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

Value at(otlp::Value& item, Arena& arena) { return Value::of(item, arena, true); }

}  // namespace

std::int64_t whole_of(const Value& number) { return number.is(Kind::integer) ? number.integer : go_int_of(number.real); }

bool same(const Value& a, const Value& b, Arena& arena) {
  if (is_number(a) && is_number(b))
    return a.is(Kind::integer) && b.is(Kind::integer) ? a.integer == b.integer : real_of(a) == real_of(b);
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case Kind::nil: return true;
    case Kind::boolean: return a.boolean == b.boolean;
    case Kind::text:
    case Kind::bytes: return a.text == b.text;
    case Kind::time: return a.time.same_instant(b.time);
    case Kind::duration: return a.integer == b.integer;
    case Kind::list:
      if (a.list->size() != b.list->size()) return false;
      for (std::size_t i = 0; i < a.list->size(); ++i)
        if (!same(at((*a.list)[i], arena), at((*b.list)[i], arena), arena)) return false;
      return true;
    case Kind::map:
      if (a.map->size() != b.map->size()) return false;
      for (auto& kv : *a.map) {
        otlp::Value* other = b.map->find(kv.key);
        if (other == nullptr || !same(at(kv.value, arena), at(*other, arena), arena)) return false;
      }
      return true;
    default: return false;
  }
}

std::optional<int> order(const Value& a, const Value& b) {
  if (is_number(a) && is_number(b)) {
    if (a.is(Kind::integer) && b.is(Kind::integer)) return sign(a.integer, b.integer);
    return sign(real_of(a), real_of(b));
  }
  if (a.kind != b.kind) return {};
  switch (a.kind) {
    case Kind::text: return sign(a.text, b.text);
    case Kind::duration: return sign(a.integer, b.integer);
    case Kind::time: return a.time.before(b.time) ? -1 : b.time.before(a.time) ? 1 : 0;
    default: return {};
  }
}

std::string_view type_name(const Value& value) {
  switch (value.kind) {
    case Kind::nil: return "nil";
    case Kind::boolean: return "bool";
    case Kind::integer: return "int";
    case Kind::real: return "float";
    case Kind::text: return "string";
    case Kind::bytes:
    case Kind::list: return "array";
    case Kind::map: return "map";
    case Kind::time: return "time.Time";
    case Kind::duration: return "time.Duration";
    default: return "unknown";
  }
}

std::string text_of(const Value& value, Arena& arena) {
  switch (value.kind) {
    case Kind::nil: return "<nil>";
    case Kind::boolean: return value.boolean ? "true" : "false";
    case Kind::integer: return fmt::format("{}", value.integer);
    case Kind::real: return go_text_of(value.real);
    case Kind::text: return std::string(value.text);
    case Kind::bytes: {
      std::vector<int> numbers(value.text.size());
      std::transform(value.text.begin(), value.text.end(), numbers.begin(), [](char c) { return static_cast<unsigned char>(c); });
      return fmt::format("[{}]", fmt::join(numbers, " "));
    }
    case Kind::list: {
      std::string out = "[";
      for (auto& item : *value.list) {
        if (out.size() > 1) out += ' ';
        out += text_of(at(item, arena), arena);
      }
      return out + "]";
    }
    case Kind::map: {
      std::map<std::string_view, otlp::Value*> sorted;
      for (auto& kv : *value.map) sorted.emplace(kv.key, &kv.value);
      std::string out = "map[";
      for (auto& [key, item] : sorted) {
        if (out.size() > 4) out += ' ';
        out += fmt::format("{}:{}", key, text_of(at(*item, arena), arena));
      }
      return out + "]";
    }
    case Kind::time: return ottl::go_time_text(value);
    case Kind::duration: return format_duration(Duration(value.integer));
    default: return "";
  }
}

bool push(otlp::Array& list, const Value& value, Arena& arena) {
  otlp::Value item;
  switch (value.kind) {
    case Kind::nil: break;
    // Its text outlives the run or is in the arena already: nothing is copied.
    case Kind::text: item = otlp::Value::of(value.text); break;
    case Kind::bytes: item = otlp::Value::of_bytes(value.text); break;
    default:
      if (!ottl::to_otlp(value, arena, item)) return false;
  }
  list.push_back(arena, item);
  return true;
}

}  // namespace weir::expressions
