// Editors of single fields and of maps.
#include "base/text.h"
#include "ottl/function.h"
#include "ottl/map_builder.h"
#include "ottl/text/pattern.h"

namespace weir::ottl {
namespace {

using otlp::Attributes;
using otlp::KeyValue;
using otlp::ValueType;

bool set(EvalContext& c, const Call& call, Value&) {
  Value value;
  if (!call.value(c, 1, value)) return false;
  return value.nil() || call[0].path->assign(c, value);
}

bool delete_key(EvalContext& c, const Call& call, Value&) {
  Attributes* map;
  std::string_view key;
  if (!call.map(c, 0, map) || !call.text(c, 1, key)) return false;
  if (map->remove(key)) call.removed(c, 0, call.constant(1) != nullptr ? key : c.arena().copy(key));
  return true;
}

// Keeps the entries that `keep` says, and tells whether that changed anything.
template <class Keep>
void filter_map(EvalContext& c, const Call& call, Attributes& map, Keep keep) {
  if (map.erase_if([&](const KeyValue& kv) { return !keep(kv.key); })) call.changed(c, 0);
}

bool delete_matching_keys(EvalContext& c, const Call& call, Value&) {
  const Pattern* regex = PatternArg::get(c, call, 1);
  Attributes* map;
  if (regex == nullptr || !call.map(c, 0, map)) return false;
  filter_map(c, call, *map, [&](std::string_view key) { return !regex->matches(key); });
  return true;
}

bool keep_matching_keys(EvalContext& c, const Call& call, Value&) {
  const Pattern* regex = PatternArg::get(c, call, 1);
  Attributes* map;
  if (regex == nullptr || !call.map(c, 0, map)) return false;
  filter_map(c, call, *map, [&](std::string_view key) { return regex->matches(key); });
  return true;
}

bool keep_keys(EvalContext& c, const Call& call, Value&) {
  Attributes* map;
  if (!call.map(c, 0, map)) return false;
  auto& items = call[1].items;
  auto* keys = c.scratch().array<std::string_view>(items.size() + 1);
  for (std::size_t i = 0; i < items.size(); ++i) {
    Value key;
    if (!items[i]->eval(c, key)) return false;
    if (!key.is(Kind::text)) return c.expected("string", key);
    keys[i] = key.text;
  }
  filter_map(c, call, *map, [&](std::string_view key) { return std::find(keys, keys + items.size(), key) != keys + items.size(); });
  return true;
}

// limit(map, n, [priority])
Result<> check_limit(Call& call) {
  if (static_cast<std::size_t>(call.constant(1)->integer) < call[2].items.size())
    return fail(Errc::config, "invalid limit: {} cannot be less than the number of priority keys, {}", call.constant(1)->integer, call[2].items.size());
  return {};
}

bool limit(EvalContext& c, const Call& call, Value&) {
  Attributes* map;
  if (!call.map(c, 0, map)) return false;
  auto most = static_cast<std::size_t>(call.constant(1)->integer);
  if (map->size() <= most) return true;
  auto priority = [&](std::string_view key) {
    for (auto& item : call[2].items)
      if (item->constant()->text == key) return true;
    return false;
  };
  std::size_t kept = 0;
  for (const KeyValue& kv : *map) kept += priority(kv.key);
  filter_map(c, call, *map, [&](std::string_view key) {
    if (priority(key)) return true;
    return kept < most && ++kept;
  });
  return true;
}

Result<> check_strategy(Call& call) {
  std::string_view strategy = call.constant(2)->text;
  if (strategy != "insert" && strategy != "update" && strategy != "upsert")
    return fail(Errc::config, "invalid value for strategy, {}: must be insert, update or upsert", strategy);
  return {};
}

bool merge_maps(EvalContext& c, const Call& call, Value&) {
  Attributes *to, *from;
  if (!call.map(c, 0, to) || !call.map(c, 1, from)) return false;
  if (to == from) return true;
  std::string_view strategy = call.constant(2)->text;
  call.changed(c, 0);
  MapBuilder merged(*to, c.arena());
  for (const KeyValue& kv : *from) {
    bool there = merged.find(kv.key) != nullptr;
    if (there ? strategy != "insert" : strategy != "update") merged.set(c.arena().copy(kv.key), kv.value.deep_copy(c.arena()));
  }
  return true;
}

// append(target, value?, values?)
Result<> check_append(Call& call) {
  if (!call.given(1) && !call.given(2)) return fail(Errc::config, "at least one of \"value\" and \"values\" must be given");
  return {};
}

bool appendable(EvalContext& c, const Value& value, otlp::Array& list) {
  // Lists written in the statement nest; those of the telemetry are refused, as the collector does.
  bool container = value.is(Kind::map) || (value.is(Kind::list) && value.part != Part::written_list);
  otlp::Value item;
  if (container || !to_otlp(value, c.arena(), item)) return c.fail("invalid value type {} to append", to_string(value.kind));
  list.push_back(c.arena(), item);
  return true;
}

bool append(EvalContext& c, const Call& call, Value&) {
  Value target;
  if (!call[0].path->eval(c, target)) return false;
  auto* list = c.arena().make<otlp::Array>();
  if (target.is(Kind::list)) {
    for (const otlp::Value& item : *target.list) list->push_back(c.arena(), item);
  } else if (!target.nil() && !appendable(c, target, *list)) {
    return false;
  }
  Value value;
  if (call.given(1) && (!call.value(c, 1, value) || !appendable(c, value, *list))) return false;
  for (auto& item : call[2].items)
    if (!item->eval(c, value) || !appendable(c, value, *list)) return false;
  return call[0].path->assign(c, Value::of(list));
}

bool delete_index(EvalContext& c, const Call& call, Value&) {
  otlp::Array* list;
  std::int64_t begin, end = 0;
  if (!call.list(c, 0, list) || !call.integer(c, 1, begin)) return false;
  auto size = static_cast<std::int64_t>(list->size());
  if (begin < 0 || begin >= size) return c.fail("startIndex {} out of bounds for slice of length {}", begin, size);
  end = begin + 1;
  if (!call.optional_integer(c, 2, end)) return false;
  if (end < begin) return c.fail("endIndex {} cannot be less than startIndex {}", end, begin);
  if (end > size) return c.fail("deletion range [{}:{}] out of bounds for slice of length {}", begin, end, size);
  if (begin == end) return true;
  call.changed(c, 0);
  for (std::int64_t i = begin; i < end; ++i) list->erase(static_cast<std::size_t>(begin));
  return true;
}

// ---- flatten(map, prefix?, depth?, resolveConflicts?)
Result<> check_flatten(Call& call) {
  if (call.given(2) && call.constant(2)->integer <= 0)
    return fail(Errc::config, "invalid depth {}: must be greater than 0", call.constant(2)->integer);
  return {};
}

class Flattening {
 public:
  Flattening(EvalContext& c, std::int64_t depth, bool resolve) : c_(c), depth_(depth), resolve_(resolve) {}

  void map(Attributes& from, const std::string& prefix, std::int64_t level) {
    for (KeyValue& kv : from) value(prefix + std::string(kv.key), kv.value, level);
  }
  Attributes result;

 private:
  void value(const std::string& key, otlp::Value& from, std::int64_t level) {
    if (from.is(ValueType::map) && level < depth_)
      map(from.map(c_.arena()), key + ".", level + 1);
    else if (from.is(ValueType::array) && level < depth_)
      list(from.array(c_.arena()), key, level + 1);
    else
      put(key, from);
  }
  void list(otlp::Array& from, const std::string& key, std::int64_t level) {
    for (std::size_t i = 0; i < from.size(); ++i) {
      std::string name = fmt::format("{}.{}", key, i);
      if (from[i].is(ValueType::map) && level < depth_)
        map(from[i].map(c_.arena()), name + ".", level + 1);
      else if (from[i].is(ValueType::array) && level < depth_)
        inner_list(from[i].array(c_.arena()), name, level + 2);
      else
        put(resolve_ ? key : name, from[i]);
    }
  }
  // As the collector has it: a list directly in a list joins its indexes without a dot, and each counts as a level.
  void inner_list(otlp::Array& from, const std::string& key, std::int64_t level) {
    for (std::size_t i = 0; i < from.size(); ++i) value(fmt::format("{}{}", key, i), from[i], level);
  }
  void put(const std::string& key, const otlp::Value& value) {
    std::string name = key;
    if (resolve_)
      for (std::size_t i = 0; builder_.find(name) != nullptr; ++i) name = fmt::format("{}.{}", key, i);
    builder_.set(c_.arena().copy(name), value);
  }

  EvalContext& c_;
  MapBuilder builder_{result, c_.arena()};
  std::int64_t depth_;
  bool resolve_;
};

bool flatten(EvalContext& c, const Call& call, Value&) {
  Attributes* map;
  std::string_view prefix;
  if (!call.map(c, 0, map) || !call.optional_text(c, 1, prefix)) return false;
  std::int64_t depth = call.given(2) ? call.constant(2)->integer : std::numeric_limits<std::int64_t>::max();
  Flattening flat(c, depth, call.given(3) && call.constant(3)->boolean);
  flat.map(*map, prefix.empty() ? "" : std::string(prefix) + ".", 0);
  call.changed(c, 0);
  *map = flat.result;
  return true;
}

// ---- truncate_all(map, limit, utf8_safe?, truncation_marker?)
Result<> check_truncate(Call& call) {
  std::int64_t limit = call.constant(1)->integer;
  const Value* marker = call.given(3) ? call.constant(3) : nullptr;
  if (marker != nullptr && static_cast<std::int64_t>(marker->text.size()) > limit)
    return fail(Errc::config, "invalid truncation marker: its length {} cannot be greater than the limit {}", marker->text.size(), limit);
  return {};
}

bool truncate_all(EvalContext& c, const Call& call, Value&) {
  Attributes* map;
  bool safe = true;
  std::string_view marker;
  if (!call.map(c, 0, map) || !call.optional_boolean(c, 2, safe) || !call.optional_text(c, 3, marker)) return false;
  auto limit = static_cast<std::size_t>(call.constant(1)->integer);
  for (KeyValue& kv : *map) {
    if (!kv.value.is(ValueType::string) || kv.value.text.size() <= limit) continue;
    std::size_t keep = limit - std::min(limit, marker.size());
    if (safe)
      while (keep > 0 && (kv.value.text[keep] & 0xC0) == 0x80) --keep;
    call.changed(c, 0);
    std::string_view cut = kv.value.text.substr(0, keep);
    kv.value = otlp::Value::of(marker.empty() ? cut : c.arena().copy(std::string(cut) + std::string(marker)));
  }
  return true;
}

bool stringify_all(EvalContext& c, const Call& call, Value&) {
  Attributes* map;
  if (!call.map(c, 0, map)) return false;
  for (KeyValue& kv : *map) {
    if (kv.value.is(ValueType::string)) continue;
    call.changed(c, 0);
    kv.value = otlp::Value::of(c.arena().copy(otlp::to_text(kv.value)));
  }
  return true;
}

bool route(EvalContext&, const Call&, Value&) { return true; }

}  // namespace

std::span<const FunctionInfo> editor_functions() {
  static const std::array rows{
      FunctionInfo{"set", "Assigns a value to a field. A nil value leaves the field as it is.",
                   {{"target", Takes::target}, {"value", Takes::any}}, set},
      FunctionInfo{.name = "delete_key", .doc = "Removes one key from a map.", .params = {{"target", Takes::map_target}, {"key", Takes::text}},
                   .run = delete_key, .one_key = true},
      FunctionInfo{"delete_matching_keys", "Removes the keys that match a regex from a map.",
                   {{"target", Takes::map_target}, {"pattern", Takes::text}}, delete_matching_keys,
                   [](Call& call) { return PatternArg::prepare(call, 1); }},
      FunctionInfo{"keep_keys", "Removes all keys but the given ones from a map.",
                   {{"target", Takes::map_target}, {"keys", Takes::text_list}}, keep_keys},
      FunctionInfo{"keep_matching_keys", "Removes the keys that do not match a regex from a map.",
                   {{"target", Takes::map_target}, {"pattern", Takes::text}}, keep_matching_keys,
                   [](Call& call) { return PatternArg::prepare(call, 1); }},
      FunctionInfo{"limit", "Cuts a map to a number of entries; those with priority stay, then the first ones.",
                   {{"target", Takes::map_target}, {"limit", Takes::literal_integer}, {"priority_keys", Takes::literal_text_list}}, limit, check_limit},
      FunctionInfo{"merge_maps", "Copies the entries of one map into another; strategy is insert (only new keys), update (only keys that are there) or upsert.",
                   {{"target", Takes::map_target}, {"source", Takes::map}, {"strategy", Takes::literal_text}}, merge_maps, check_strategy},
      FunctionInfo{"append", "Adds values to a list; a single value becomes a list first, a missing one a new list.",
                   {{"target", Takes::target}, {"value", Takes::any, true}, {"values", Takes::any_list, true}}, append, check_append},
      FunctionInfo{"delete_index", "Removes the elements from start to end (not including it) from a list; without end, one element.",
                   {{"target", Takes::target}, {"startIndex", Takes::integer}, {"endIndex", Takes::integer, true}}, delete_index},
      FunctionInfo{"flatten", "Moves what is in nested maps and lists to the top of a map, joining keys with dots.",
                   {{"target", Takes::map_target}, {"prefix", Takes::text, true}, {"depth", Takes::literal_integer, true},
                    {"resolveConflicts", Takes::literal_boolean, true}}, flatten, check_flatten},
      FunctionInfo{"truncate_all", "Cuts all text values of a map to a number of bytes, not inside a character unless utf8_safe is false.",
                   {{"target", Takes::map_target}, {"limit", Takes::literal_integer}, {"utf8_safe", Takes::boolean, true},
                    {"truncation_marker", Takes::text, true}}, truncate_all, check_truncate},
      FunctionInfo{"stringify_all", "Turns all values of a map into text.", {{"target", Takes::map_target}}, stringify_all},
      FunctionInfo{"route", "Does nothing: what it holds for takes the route.", {}, route, nullptr, In::all, Callers::routing},
  };
  return rows;
}

}  // namespace weir::ottl
