#include <cmath>

#include "components/shared/expressions/node.h"

namespace weir::expressions {
namespace {

bool is_number(const Value& v) { return v.is(Kind::integer) || v.is(Kind::real); }
double real_of(const Value& v) { return v.is(Kind::integer) ? static_cast<double>(v.integer) : v.real; }
std::int64_t wrapped(std::uint64_t v) { return static_cast<std::int64_t>(v); }

bool compared(NodeKind kind, int order) {
  switch (kind) {
    case NodeKind::less: return order < 0;
    case NodeKind::less_equal: return order <= 0;
    case NodeKind::greater: return order > 0;
    default: return order >= 0;
  }
}

}  // namespace

bool Evaluation::evaluate(const Node& node, Value& out) {
  if (!spend(1)) return false;
  switch (node.kind) {
    case NodeKind::constant: return out = node.value, true;
    case NodeKind::variable: return out = environment_.variable(node.index), true;
    case NodeKind::local: return out = locals_[node.index], true;
    case NodeKind::define: {
      Value value;
      if (!evaluate(*node.parts[0], value)) return false;
      locals_[node.index] = value;
      return evaluate(*node.parts[1], out);
    }
    case NodeKind::element: return out = closure_->element, true;
    case NodeKind::index: return out = Value::of(closure_->index), true;
    case NodeKind::accumulator: return out = closure_->accumulator, true;
    case NodeKind::list: return list(node, out);
    case NodeKind::map: return map(node, out);
    case NodeKind::member:
    case NodeKind::optional_member: return member(node, out);
    case NodeKind::slice: return slice(node, out);
    case NodeKind::chain: {
      bool before = std::exchange(cut_short_, false);
      bool good = evaluate(*node.parts[0], out);
      cut_short_ = before;
      return good;
    }
    case NodeKind::call:
    case NodeKind::outside_call: return call(node, out);
    case NodeKind::closure_call: return closure_call(node, out);
    case NodeKind::choose: {
      bool first;
      return truth(*node.parts[0], first) && evaluate(*node.parts[first ? 1 : 2], out);
    }
    case NodeKind::coalesce: return evaluate(*node.parts[0], out) && (!out.nil() || evaluate(*node.parts[1], out));
    case NodeKind::or_:
    case NodeKind::and_: {
      bool value, decisive = node.kind == NodeKind::or_;
      if (!truth(*node.parts[0], value)) return false;
      if (value != decisive && !truth(*node.parts[1], value)) return false;
      return out = Value::of(value), true;
    }
    case NodeKind::not_: {
      bool value;
      return truth(*node.parts[0], value) && (out = Value::of(!value), true);
    }
    case NodeKind::negate:
    case NodeKind::plus:
      if (!evaluate(*node.parts[0], out)) return false;
      if (!is_number(out)) return fail(fmt::format("a sign in front of {}", type_name(out)));
      if (node.kind == NodeKind::plus) return true;
      return out = out.is(Kind::integer) ? Value::of(wrapped(0 - static_cast<std::uint64_t>(out.integer))) : Value::of(-out.real), true;
    default: return binary(node, out);
  }
}

bool Evaluation::truth(const Node& node, bool& out) {
  Value value;
  if (!evaluate(node, value)) return false;
  if (!value.is(Kind::boolean)) return fail(fmt::format("neither true nor false but {}", type_name(value)));
  return out = value.boolean, true;
}

bool Evaluation::binary(const Node& node, Value& out) {
  Value a, b;
  if (!evaluate(*node.parts[0], a)) return false;
  if (node.regex) return matches(node, a, b, out);
  if (!evaluate(*node.parts[1], b)) return false;
  switch (node.kind) {
    case NodeKind::equal: return out = Value::of(same(a, b, arena)), true;
    case NodeKind::not_equal: return out = Value::of(!same(a, b, arena)), true;
    case NodeKind::less:
    case NodeKind::less_equal:
    case NodeKind::greater:
    case NodeKind::greater_equal: {
      auto found = order(a, b);
      if (!found) return fail(fmt::format("{} and {} have no order", type_name(a), type_name(b)));
      return out = Value::of(compared(node.kind, *found)), true;
    }
    case NodeKind::in: return contained(a, b, out);
    case NodeKind::matches: return matches(node, a, b, out);
    case NodeKind::contains:
    case NodeKind::starts_with:
    case NodeKind::ends_with:
      if (a.nil() || b.nil()) return out = Value::of(false), true;
      if (!a.is(Kind::text) || !b.is(Kind::text)) return fail(fmt::format("{} and {} are no two texts", type_name(a), type_name(b)));
      if (!spend(a.text.size() / 64)) return false;
      if (node.kind == NodeKind::contains) return out = Value::of(a.text.find(b.text) != a.text.npos), true;
      return out = Value::of(node.kind == NodeKind::starts_with ? a.text.starts_with(b.text) : a.text.ends_with(b.text)), true;
    case NodeKind::range: return range(a, b, out);
    default: return arithmetic(node.kind, a, b, out);
  }
}

bool Evaluation::arithmetic(NodeKind kind, const Value& a, const Value& b, Value& out) {
  if (kind == NodeKind::add && a.is(Kind::text) && b.is(Kind::text)) {
    if (!spend((a.text.size() + b.text.size()) / 16)) return false;
    char* to = arena.array<char>(a.text.size() + b.text.size() + 1);
    std::copy(b.text.begin(), b.text.end(), std::copy(a.text.begin(), a.text.end(), to));
    return out = Value::of(std::string_view(to, a.text.size() + b.text.size())), true;
  }
  if (kind == NodeKind::subtract && a.is(Kind::time) && b.is(Kind::time))
    return out = Value::of_duration(wrapped(static_cast<std::uint64_t>(a.time.unix_nanos()) - static_cast<std::uint64_t>(b.time.unix_nanos()))), true;
  if ((kind == NodeKind::add || kind == NodeKind::subtract) && a.is(Kind::time) && b.is(Kind::duration)) {
    auto base = static_cast<std::uint64_t>(a.time.unix_nanos()), more = static_cast<std::uint64_t>(b.integer);
    return out = Value::of_unix_nanos(kind == NodeKind::add ? base + more : base - more), true;
  }
  bool durations = a.is(Kind::duration) && b.is(Kind::duration);
  if (!durations && (!is_number(a) || !is_number(b))) return fail(fmt::format("no arithmetic with {} and {}", type_name(a), type_name(b)));
  if (kind == NodeKind::divide) return out = Value::of(real_of(a) / real_of(b)), true;
  if (kind == NodeKind::power) return out = Value::of(std::pow(real_of(a), real_of(b))), true;
  if (kind == NodeKind::modulo) {
    if (!a.is(Kind::integer) || !b.is(Kind::integer)) return fail("'%' needs whole numbers");
    if (b.integer == 0) return fail("division by zero");
    return out = Value::of(b.integer == -1 ? std::int64_t{0} : a.integer % b.integer), true;
  }
  if (durations || (a.is(Kind::integer) && b.is(Kind::integer))) {
    auto x = static_cast<std::uint64_t>(a.integer), y = static_cast<std::uint64_t>(b.integer);
    std::int64_t result = wrapped(kind == NodeKind::add ? x + y : kind == NodeKind::subtract ? x - y : x * y);
    return out = durations ? Value::of_duration(result) : Value::of(result), true;
  }
  double x = real_of(a), y = real_of(b);
  return out = Value::of(kind == NodeKind::add ? x + y : kind == NodeKind::subtract ? x - y : x * y), true;
}

bool Evaluation::matches(const Node& node, const Value& a, const Value& b, Value& out) {
  if (a.nil() || (b.nil() && !node.regex)) return out = Value::of(false), true;
  if (!a.is(Kind::text) && !a.is(Kind::bytes)) return fail(fmt::format("'matches' with {}", type_name(a)));
  if (node.regex) return out = Value::of(node.regex->matches(a.text)), true;
  if (!b.is(Kind::text)) return fail(fmt::format("'matches' with the pattern {}", type_name(b)));
  if (!spend(1000)) return false;
  auto regex = Regex::compile(b.text);
  if (!regex) return fail(regex.error().what);
  return out = Value::of(regex->matches(a.text)), true;
}

bool Evaluation::contained(const Value& a, const Value& b, Value& out) {
  switch (b.kind) {
    case Kind::nil: return out = Value::of(false), true;
    case Kind::map:
      if (!a.is(Kind::text)) return fail(fmt::format("no key of a map is {}", type_name(a)));
      return out = Value::of(b.map->find(a.text) != nullptr), true;
    case Kind::list:
      if (!spend(b.list->size())) return false;
      for (auto& item : *b.list)
        if (same(Value::of(item, arena, true), a, arena)) return out = Value::of(true), true;
      return out = Value::of(false), true;
    default: return fail(fmt::format("'in' with {}", type_name(b)));
  }
}

bool Evaluation::range(const Value& a, const Value& b, Value& out) {
  if (!is_number(a) || !is_number(b)) return fail("'..' needs whole numbers");
  std::int64_t from = whole_of(a), to = whole_of(b);
  auto* list = arena.make<otlp::Array>();
  if (to >= from && !spend(static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from))) return false;
  for (std::uint64_t left = to < from ? 0 : static_cast<std::uint64_t>(to) - static_cast<std::uint64_t>(from) + 1; left > 0; --left)
    list->push_back(arena, otlp::Value::of(wrapped(static_cast<std::uint64_t>(to) - left + 1)));
  return out = Value::of(list), true;
}

bool Evaluation::member(const Node& node, Value& out) {
  Value from, key;
  if (!evaluate(*node.parts[0], from)) return false;
  if (cut_short_) return out.clear(), true;
  if (from.nil() && node.kind == NodeKind::optional_member) return cut_short_ = true, out.clear(), true;
  if (!evaluate(*node.parts[1], key)) return false;
  switch (from.kind) {
    case Kind::map: {
      if (!key.is(Kind::text)) return fail(fmt::format("no key of a map is {}", type_name(key)));
      otlp::Value* found = from.map->find(key.text);
      out.clear();
      if (found) out = Value::of(*found, arena, true);
      return true;
    }
    case Kind::list:
    case Kind::text: {
      if (!is_number(key)) return fail(fmt::format("{} has no member {}", type_name(from), text_of(key, arena)));
      auto size = static_cast<std::int64_t>(from.is(Kind::list) ? from.list->size() : from.text.size());
      std::int64_t i = whole_of(key);
      if (i < 0) i += size;
      if (i < 0 || i >= size) return fail(fmt::format("index {} is outside of {}", text_of(key, arena), size));
      auto at = static_cast<std::size_t>(i);
      if (from.is(Kind::list)) return out = Value::of((*from.list)[at], arena, true), true;
      return out = Value::of(static_cast<std::int64_t>(static_cast<unsigned char>(from.text[at]))), true;
    }
    default: return fail(fmt::format("{} has no member {}", type_name(from), text_of(key, arena)));
  }
}

bool Evaluation::slice(const Node& node, Value& out) {
  Value whole, from, to;
  if (!evaluate(*node.parts[0], whole)) return false;
  if (cut_short_) return out.clear(), true;
  if (!evaluate(*node.parts[1], from) || !evaluate(*node.parts[2], to)) return false;
  if (!is_number(from) || !is_number(to) || (!whole.is(Kind::list) && !whole.is(Kind::text))) return fail(fmt::format("no part of {}", type_name(whole)));
  auto size = static_cast<std::int64_t>(whole.is(Kind::list) ? whole.list->size() : whole.text.size());
  auto place = [&](const Value& v) {
    std::int64_t i = whole_of(v);
    return std::clamp<std::int64_t>(i < 0 ? i + size : i, 0, size);
  };
  auto end = static_cast<std::size_t>(place(to)), begin = std::min(static_cast<std::size_t>(place(from)), end);
  if (whole.is(Kind::text)) return out = Value::of(whole.text.substr(begin, end - begin), whole.owned), true;
  auto* part = arena.make<otlp::Array>();
  if (!spend(end - begin)) return false;
  for (std::size_t i = begin; i < end; ++i) part->push_back(arena, (*whole.list)[i]);
  return out = Value::of(part), true;
}

bool Evaluation::list(const Node& node, Value& out) {
  auto* items = arena.make<otlp::Array>();
  for (auto& part : node.parts) {
    Value item;
    if (!evaluate(*part, item)) return false;
    if (!push(*items, item, arena)) return fail(fmt::format("a list cannot hold {}", type_name(item)));
  }
  return out = Value::of(items), true;
}

bool Evaluation::map(const Node& node, Value& out) {
  auto* fields = arena.make<otlp::Attributes>();
  for (std::size_t i = 0; i < node.parts.size(); i += 2) {
    Value key, item;
    if (!evaluate(*node.parts[i], key) || !evaluate(*node.parts[i + 1], item)) return false;
    if (!key.is(Kind::text)) return fail(fmt::format("no key of a map is {}", type_name(key)));
    otlp::Array one;
    if (!push(one, item, arena)) return fail(fmt::format("a map cannot hold {}", type_name(item)));
    fields->set(arena, key.text, one[0]);
  }
  return out = Value::of(fields), true;
}

bool Evaluation::call(const Node& node, Value& out) {
  std::array<Value, 8> few;
  std::vector<Value> many;
  std::span<Value> arguments(few.data(), std::min(few.size(), node.parts.size()));
  if (node.parts.size() > few.size()) {
    many.resize(node.parts.size());
    arguments = many;
  }
  for (std::size_t i = 0; i < node.parts.size(); ++i)
    if (!evaluate(*node.parts[i], arguments[i])) return false;
  if (node.kind == NodeKind::call) return call_builtin(node.builtin->id, arguments, *this, out);
  auto result = environment_.call(node.index, arguments);
  if (!result) return fail(result.error().what);
  return out = *result, true;
}

// Functions that ask a closure about each element.
bool Evaluation::closure_call(const Node& node, Value& out) {
  Value over;
  if (!evaluate(*node.parts[0], over)) return false;
  if (!over.is(Kind::list)) return fail(fmt::format("{} is no list", type_name(over)));
  const otlp::Array& items = *over.list;
  Builtin id = node.builtin->id;
  bool backwards = id == Builtin::find_last || id == Builtin::find_last_index;
  Closure closure;
  bool has_start = id == Builtin::reduce && node.parts.size() > 2;
  if (has_start && !evaluate(*node.parts[2], closure.accumulator)) return false;
  auto* made = arena.make<otlp::Array>();
  Value total = Value::of(std::int64_t{0});
  std::int64_t yes = 0, found_at = -1;
  Value found;
  for (std::size_t i = 0; i < items.size(); ++i) {
    std::size_t at = backwards ? items.size() - 1 - i : i;
    otlp::Value item = items[at];
    closure.element = Value::of(item, arena, true);
    closure.index = static_cast<std::int64_t>(at);
    if (id == Builtin::reduce && !has_start && i == 0) {
      closure.accumulator = closure.element;
      continue;
    }
    Value result = closure.element;
    if (node.parts.size() > 1) {
      Closure* before = std::exchange(closure_, &closure);
      bool good = evaluate(*node.parts[1], result);
      closure_ = before;
      if (!good) return false;
    }
    if (id == Builtin::map) {
      if (!push(*made, result, arena)) return fail(fmt::format("a list cannot hold {}", type_name(result)));
      continue;
    }
    if (id == Builtin::reduce) {
      closure.accumulator = result;
      continue;
    }
    if (id == Builtin::sum) {
      Value sum;
      if (!arithmetic(NodeKind::add, total, result, sum)) return false;
      total = sum;
      continue;
    }
    if (!result.is(Kind::boolean)) return fail(fmt::format("neither true nor false but {}", type_name(result)));
    if (id == Builtin::filter && result.boolean) made->push_back(arena, items[at]);
    if (!result.boolean) {
      if (id == Builtin::all) return out = Value::of(false), true;
      continue;
    }
    ++yes;
    if (id == Builtin::none || id == Builtin::any) return out = Value::of(id == Builtin::any), true;
    if (id >= Builtin::find && id <= Builtin::find_last_index) {
      found = closure.element;
      found_at = closure.index;
      break;
    }
  }
  switch (id) {
    case Builtin::all:
    case Builtin::none: return out = Value::of(true), true;
    case Builtin::any: return out = Value::of(false), true;
    case Builtin::one: return out = Value::of(yes == 1), true;
    case Builtin::count: return out = Value::of(yes), true;
    case Builtin::find:
    case Builtin::find_last: return out = found, true;
    case Builtin::find_index:
    case Builtin::find_last_index: return out = found_at < 0 ? Value() : Value::of(found_at), true;
    case Builtin::sum: return out = total, true;
    case Builtin::reduce:
      if (items.empty() && !has_start) return fail("reduce of an empty list");
      return out = closure.accumulator, true;
    default: return out = Value::of(made), true;
  }
}

}  // namespace weir::expressions
