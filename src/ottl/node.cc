#include "ottl/node.h"

namespace weir::ottl {
namespace {

// A list that a statement may make by writing to an index; more is a mistake, or an attack on memory.
constexpr std::int64_t max_new_index = 65'535;

std::string_view type_word(const otlp::Value& value) {
  constexpr std::array<std::string_view, 8> words = {"Empty", "Str", "Bool", "Int", "Double", "Bytes", "Slice", "Map"};
  return words[static_cast<std::size_t>(value.type)];
}

bool in_bounds(EvalContext& c, std::int64_t index, std::size_t size) {
  if (index >= 0 && static_cast<std::uint64_t>(index) < size) return true;
  return c.fail("index {} out of bounds", index);
}

bool map_key(EvalContext& c, const Value& key, std::string_view& out) {
  if (!key.is(Kind::text)) return c.fail("unable to resolve a string index in map: expecting string but got {}", to_string(key.kind));
  out = key.text;
  return true;
}

bool list_key(EvalContext& c, const Value& key, std::int64_t& out) {
  if (!key.is(Kind::integer)) return c.fail("unable to resolve an integer index in slice: expecting int64 but got {}", to_string(key.kind));
  out = key.integer;
  return true;
}

// Puts a list that was written out at a place. What is in it may be what the place lies in, as the place is while it is filled: the Go
// collector copies no sooner.
void fill(otlp::Value& at, const otlp::Array& items, Arena& arena) {
  auto* list = arena.make<otlp::Array>();
  at = otlp::Value::of(list);
  for (const otlp::Value& item : items) {
    otlp::Value& place = list->push_back(arena, {});
    if (item.is(otlp::ValueType::map)) place = otlp::Value::of(arena.make<otlp::Attributes>());
    place = item.deep_copy(arena);
  }
}

}  // namespace

PathNode::PathNode(const PathRow& row, std::vector<NodePtr> keys, bool shared) : row_(&row), keys_(std::move(keys)), shared_(shared) {
  if (row.map == nullptr || keys_.size() != 1) return;
  const Value* key = keys_[0]->constant();
  if (key != nullptr && key->is(Kind::text)) entry_ = Entry{row.map, key->text};
}

bool PathNode::text_key(EvalContext& c, std::size_t key, std::string_view& out) const {
  if (entry_) return out = entry_->key, true;
  Value value;
  return keys_[key]->eval(c, value) && map_key(c, value, out);
}

bool PathNode::may_read(EvalContext& c, const Value& value) {
  switch (value.kind) {
    case Kind::text:
    case Kind::bytes: return c.read_shared(value.text.size());
    case Kind::map: return c.read_shared(value.map->size() * sizeof(otlp::KeyValue));
    case Kind::list: return c.read_shared(value.list->size() * sizeof(otlp::Value));
    default: return true;
  }
}

bool PathNode::get(EvalContext& c, Value& out) const {
  out.clear();
  if (keys_.empty()) return row_->get(c, out);
  if (entry_) {
    otlp::Value* found = entry_->find(c);
    if (found != nullptr) out.set(*found, c.arena(), !row_->temporary);
    return true;
  }
  if (row_->map != nullptr) {
    std::string_view name;
    if (!text_key(c, 0, name)) return false;
    otlp::Value* found = row_->map(c, false)->find(name);
    return found == nullptr || walk(c, found, 1, out);
  }
  if (row_->value != nullptr) {
    otlp::Value* whole = row_->value(c, false);
    if (!whole->is(otlp::ValueType::map) && !whole->is(otlp::ValueType::array))
      return c.fail("bodies of type {} cannot be indexed", type_word(*whole));
    return walk(c, whole, 0, out);
  }
  Value key;
  if (!keys_[0]->eval(c, key)) return false;
  if (!key.is(Kind::text)) return c.fail("{} indexing type must be a string", row_->name);
  return row_->get_key(c, key.text, out);
}

bool PathNode::walk(EvalContext& c, otlp::Value* at, std::size_t key, Value& out) const {
  for (; key < keys_.size(); ++key) {
    Value index;
    if (at->is(otlp::ValueType::map)) {
      std::string_view name;
      if (!text_key(c, key, name)) return false;
      at = at->map(c.arena()).find(name);
      if (at == nullptr) return true;
    } else if (at->is(otlp::ValueType::array)) {
      std::int64_t i = 0;
      if (!keys_[key]->eval(c, index) || !list_key(c, index, i)) return false;
      otlp::Array& list = at->array(c.arena());
      if (!in_bounds(c, i, list.size())) return false;
      at = &list[static_cast<std::size_t>(i)];
    } else {
      return c.fail("type {} does not support string indexing", type_word(*at));
    }
  }
  out = Value::of(*at, c.arena(), !row_->temporary);
  return true;
}

void PathNode::touch(EvalContext& c, const std::string_view* removed) const {
  if (row_->map != nullptr)
    row_->map(c, true);
  else if (row_->value != nullptr)
    row_->value(c, true);
  if (!c.on_excerpt() || !(row_->edits & Reads::edits_item)) return;
  if (removed != nullptr && keys_.empty())
    c.edits().remove(*removed);
  else
    note_edit(c);
}

// Also of what failed: it may have left something different behind.
void PathNode::note_edit(EvalContext& c) const {
  if (!(row_->edits & Reads::edits_item)) return;  // not of the item
  if (row_->map == nullptr) return c.edits().set_fields(row_->fields);
  const Value* key = keys_.empty() ? nullptr : keys_[0]->constant();
  if (key == nullptr || !key->is(Kind::text)) return c.edits().set_attributes();
  const otlp::Value* value = row_->map(c, false)->find(key->text);
  if (value != nullptr) c.edits().set(key->text, *value);
}

bool PathNode::store(EvalContext& c, const Value& value) const {
  if (keys_.empty()) return row_->set(c, value);
  Arena& arena = row_->temporary ? c.scratch() : c.arena();
  if (row_->map != nullptr) {
    std::string_view name;
    if (!text_key(c, 0, name)) return false;
    otlp::Attributes& map = *row_->map(c, true);
    otlp::Value* found = map.find(name);
    if (found == nullptr) found = &map.push_back(arena, {arena.copy(name), {}}).value;
    return assign_below(c, arena, found, 1, value);
  }
  if (row_->value != nullptr) {
    otlp::Value* whole = row_->value(c, true);
    if (!whole->is(otlp::ValueType::map) && !whole->is(otlp::ValueType::array))
      return c.fail("bodies of type {} cannot be indexed", type_word(*whole));
    return assign_below(c, arena, whole, 0, value);
  }
  Value key;
  if (!keys_[0]->eval(c, key)) return false;
  if (!key.is(Kind::text)) return c.fail("{} indexing type must be a string", row_->name);
  return row_->set_key(c, key.text, value);
}

bool PathNode::assign_below(EvalContext& c, Arena& arena, otlp::Value* at, std::size_t key, const Value& value) const {
  for (; key < keys_.size(); ++key) {
    Value index;
    if (!keys_[key]->eval(c, index)) return false;
    switch (at->type) {
      case otlp::ValueType::map: {
        std::string_view name;
        if (!map_key(c, index, name)) return false;
        otlp::Attributes& map = at->map(arena);
        otlp::Value* found = map.find(name);
        at = found != nullptr ? found : &map.push_back(arena, {arena.copy(name), {}}).value;
        break;
      }
      case otlp::ValueType::array: {
        std::int64_t i = 0;
        otlp::Array& list = at->array(arena);
        if (!list_key(c, index, i) || !in_bounds(c, i, list.size())) return false;
        at = &list[static_cast<std::size_t>(i)];
        break;
      }
      case otlp::ValueType::empty:
        if (!make_room(c, arena, index, at)) return false;
        break;
      default: return c.fail("type {} does not support string indexing", type_word(*at));
    }
  }
  otlp::Value stored;
  // What a path names already lives with the batch; the rest is copied.
  Value source = value;
  if (row_->temporary) source.owned = false;
  // The place is emptied first, which shows when the value is something that it lies in.
  if (value.is(Kind::map)) *at = otlp::Value::of(arena.make<otlp::Attributes>());
  if (value.is(Kind::list)) *at = otlp::Value::of(arena.make<otlp::Array>());
  if (value.is(Kind::list) && (value.part == Part::written_list || value.part == Part::partial_list)) return fill(*at, *value.list, arena), true;
  if (!to_otlp(source, arena, stored)) return c.fail("unsupported type {} for set operation", to_string(value.kind));
  if (!value.nil()) *at = stored;
  return true;
}

// Turns an empty value into the container that `key` asks for and moves `at` to the place inside.
bool PathNode::make_room(EvalContext& c, Arena& arena, const Value& key, otlp::Value*& at) const {
  if (key.is(Kind::text)) {
    auto* map = arena.make<otlp::Attributes>();
    *at = otlp::Value::of(map);
    at = &map->push_back(arena, {arena.copy(key.text), {}}).value;
    return true;
  }
  if (!key.is(Kind::integer)) return c.fail("neither a string nor an int index was given");
  if (key.integer > max_new_index) return c.fail("index {} is too large for a new list", key.integer);
  auto* list = arena.make<otlp::Array>();
  for (std::int64_t i = 0; i < key.integer; ++i) list->push_back(arena, {});
  *at = otlp::Value::of(list);
  at = &list->push_back(arena, {});
  return true;
}

bool index_value(EvalContext& c, Value& value, const Value& key) {
  if (value.is(Kind::map)) {
    std::string_view name;
    if (!map_key(c, key, name)) return false;
    otlp::Value* found = value.map->find(name);
    if (found == nullptr) return c.fail("key not found in map");
    value = Value::of(*found, c.arena(), false);
    return true;
  }
  if (value.is(Kind::list)) {
    std::int64_t i = 0;
    if (!list_key(c, key, i) || !in_bounds(c, i, value.list->size())) return false;
    value = Value::of((*value.list)[static_cast<std::size_t>(i)], c.arena(), false);
    return true;
  }
  return c.fail("type {} does not support indexing", to_string(value.kind));
}

bool IndexNode::eval(EvalContext& c, Value& out) const {
  if (!value_->eval(c, out)) return false;
  if (absent_is_nil_ && out.nil()) return true;
  for (auto& node : keys_) {
    Value key;
    if (!node->eval(c, key) || !index_value(c, out, key)) return false;
  }
  return true;
}

bool ListNode::eval(EvalContext& c, Value& out) const {
  auto* list = c.scratch().make<otlp::Array>();
  list->reserve(c.scratch(), items_.size());
  Part part = Part::written_list;
  for (auto& node : items_) {
    Value value;
    otlp::Value item;
    if (!node->eval(c, value)) return false;
    if (value.is(Kind::map)) {
      item = otlp::Value::of(value.map);  // fill() shows why this is no copy
    } else if (!to_otlp(value, c.scratch(), item)) {
      if (node == items_.back()) return c.fail("invalid value type {} in a list", to_string(value.kind));
      part = Part::partial_list;
    }
    list->push_back(c.scratch(), item);
  }
  out = Value::of(list);
  return out.part = part, true;
}

bool MapNode::eval(EvalContext& c, Value& out) const {
  auto* map = c.scratch().make<otlp::Attributes>();
  map->reserve(c.scratch(), items_.size());
  for (std::size_t i = 0; i < items_.size(); ++i) {
    Value value;
    otlp::Value item;
    if (!items_[i]->eval(c, value)) return false;
    // Lists of the telemetry and of most functions are refused, as the collector does.
    bool refused = value.is(Kind::list) && value.part != Part::written_list;
    if (refused || !to_otlp(value, c.scratch(), item)) return c.fail("invalid value type {} in a map", to_string(value.kind));
    map->set(c.scratch(), names_[i], item);
  }
  return out = Value::of(map), true;
}

namespace {

// Wraps around like Go's int64.
std::int64_t wrapped(char op, std::int64_t a, std::int64_t b) {
  auto x = static_cast<std::uint64_t>(a), y = static_cast<std::uint64_t>(b);
  return static_cast<std::int64_t>(op == '+' ? x + y : op == '-' ? x - y : x * y);
}

bool divide(EvalContext& c, std::int64_t a, std::int64_t b, Value& out) {
  if (b == 0) return c.fail("attempted to divide by 0");
  return out = Value::of(b == -1 ? wrapped('-', 0, a) : a / b), true;
}

bool real_math(EvalContext& c, char op, double a, double b, Value& out) {
  switch (op) {
    case '+': return out = Value::of(a + b), true;
    case '-': return out = Value::of(a - b), true;
    case '*': return out = Value::of(a * b), true;
    default:
      if (b == 0) return c.fail("attempted to divide by 0");
      return out = Value::of(a / b), true;
  }
}

Value shifted(const Value& time, std::int64_t nanos) {
  Value out = time;
  Time delta = Time::from_unix_nanos(nanos);
  out.time.seconds += delta.seconds;
  out.time.nanos += delta.nanos;
  if (out.time.nanos >= 1'000'000'000) out.time.nanos -= 1'000'000'000, ++out.time.seconds;
  return out;
}

bool time_math(EvalContext& c, char op, const Value& a, const Value& b, Value& out) {
  auto unsupported = [&] { return c.fail("unsupported math operation {} {} {}", to_string(a.kind), op, to_string(b.kind)); };
  if (op != '+' && op != '-') return unsupported();
  if (a.is(Kind::time) && b.is(Kind::duration)) return out = shifted(a, op == '+' ? b.integer : wrapped('-', 0, b.integer)), true;
  if (a.is(Kind::duration) && b.is(Kind::time) && op == '+') return out = shifted(b, a.integer), true;
  if (a.is(Kind::duration) && b.is(Kind::duration)) return out = Value::of_duration(wrapped(op, a.integer, b.integer)), true;
  if (a.is(Kind::time) && b.is(Kind::time) && op == '-')
    return out = Value::of_duration(wrapped('-', a.time.unix_nanos(), b.time.unix_nanos())), true;
  return unsupported();
}

}  // namespace

bool MathNode::eval(EvalContext& c, Value& out) const {
  Value a, b;
  if (!left_->eval(c, a) || !right_->eval(c, b)) return false;
  if (a.is(Kind::integer) && b.is(Kind::integer)) {
    if (op_ == '/') return divide(c, a.integer, b.integer, out);
    return out = Value::of(wrapped(op_, a.integer, b.integer)), true;
  }
  bool numbers = (a.is(Kind::integer) || a.is(Kind::real)) && (b.is(Kind::integer) || b.is(Kind::real));
  if (!numbers) return time_math(c, op_, a, b, out);
  auto real = [](const Value& v) { return v.is(Kind::real) ? v.real : static_cast<double>(v.integer); };
  return real_math(c, op_, real(a), real(b), out);
}

bool NegateNode::eval(EvalContext& c, Value& out) const {
  if (!inner_->eval(c, out)) return false;
  if (out.is(Kind::integer) || out.is(Kind::duration)) return out.integer = wrapped('-', 0, out.integer), true;
  if (out.is(Kind::real)) return out.real = -out.real, true;
  return c.fail("unsupported type {} for a minus sign", to_string(out.kind));
}

Truth CompareNode::test(EvalContext& c) const {
  Value a, b;
  if (!left_->eval(c, a)) return Truth::failed;
  if (constant_ == nullptr && !right_->eval(c, b)) return Truth::failed;
  return compare(a, op_, constant_ != nullptr ? *constant_ : b, c.arena()) ? Truth::yes : Truth::no;
}

Truth CallTest::test(EvalContext& c) const {
  Value out;
  if (!call_->eval(c, out)) return Truth::failed;
  if (!out.is(Kind::boolean)) {
    c.fail("value returned from Converter in constant expression must be bool but got {}", to_string(out.kind));
    return Truth::failed;
  }
  return out.boolean ? Truth::yes : Truth::no;
}

}  // namespace weir::ottl
