// Maps and lists.
#include <cmath>

#include "base/text.h"
#include "ottl/function.h"
#include "ottl/map_builder.h"

namespace weir::ottl {
namespace {

using otlp::Array;
using otlp::Attributes;
using otlp::ValueType;

bool keys(EvalContext& c, const Call& call, Value& out) {
  Attributes* map;
  if (!call.map(c, 0, map)) return false;
  auto* list = c.scratch().make<Array>();
  for (auto& kv : *map) list->push_back(c.scratch(), otlp::Value::of(kv.key));
  return out = Value::of(list), true;
}

bool values(EvalContext& c, const Call& call, Value& out) {
  Attributes* map;
  if (!call.map(c, 0, map)) return false;
  auto* list = c.scratch().make<Array>();
  for (auto& kv : *map) list->push_back(c.scratch(), kv.value);
  return out = Value::of(list), true;
}

// ---- Sort(list, order?)
Result<> check_order(Call& call) {
  if (!call.given(1)) return {};
  std::string_view order = call.constant(1)->text;
  if (order != "asc" && order != "desc") return fail(Errc::config, "invalid order {}: must be asc or desc", order);
  return {};
}

enum class Sorting : std::uint8_t { integers, reals, texts, none };

Sorting sorting_of(const Array& list) {
  bool texts = false, reals = false;
  for (const otlp::Value& item : list) {
    switch (item.type) {
      case ValueType::integer: break;
      case ValueType::real: reals = true; break;
      case ValueType::empty:
      case ValueType::string:
      case ValueType::boolean: texts = true; break;
      default: return Sorting::none;
    }
  }
  return texts ? Sorting::texts : reals ? Sorting::reals : Sorting::integers;
}

double as_real(const otlp::Value& value) { return value.is(ValueType::integer) ? static_cast<double>(value.integer) : value.real; }

// Lists of numbers by size, lists with texts, bools or nil in them as texts; lists of anything else stay as they are.
bool sort(EvalContext& c, const Call& call, Value& out) {
  if (!call.value(c, 0, out)) return false;
  if (!out.is(Kind::list)) return c.fail("sort with unsupported type: '{}'. Target is not a list", to_string(out.kind));
  if (out.part == Part::partial_list) return c.fail("sort with unsupported type: target is not a list of primitive types");
  bool down = call.given(1) && call.constant(1)->text == "desc";
  Sorting sorting = sorting_of(*out.list);
  if (sorting == Sorting::none) return true;
  auto* sorted = c.scratch().make<Array>();
  sorted->reserve(c.scratch(), out.list->size());
  for (const otlp::Value& item : *out.list) sorted->push_back(c.scratch(), item);
  auto by = [&](auto less) {
    std::stable_sort(sorted->begin(), sorted->end(), [&](const otlp::Value& a, const otlp::Value& b) { return down ? less(b, a) : less(a, b); });
  };
  switch (sorting) {
    case Sorting::integers: by([](auto& a, auto& b) { return a.integer < b.integer; }); break;
    case Sorting::reals:
      // NaN first, as Go orders it.
      by([](auto& a, auto& b) {
        double x = as_real(a), y = as_real(b);
        return x < y || (std::isnan(x) && !std::isnan(y));
      });
      break;
    default: by([](auto& a, auto& b) { return otlp::to_text(a) < otlp::to_text(b); });
  }
  Part part = out.part == Part::texts ? Part::texts : Part::written_list;
  out = Value::of(sorted);
  return out.part = part, true;
}

// ---- searching
bool contains_value(EvalContext& c, const Call& call, Value& out) {
  Array* list;
  Value wanted;
  if (!call.list(c, 0, list) || !call.value(c, 1, wanted)) return false;
  out = Value::of(false);
  for (otlp::Value& item : *list)
    if (compare(Value::of(item, c.arena(), false), Op::eq, wanted, c.arena())) return out.boolean = true, true;
  return true;
}

bool index_of(EvalContext& c, const Call& call, Value& out) {
  Value target, wanted;
  if (!call.value(c, 0, target) || !call.value(c, 1, wanted)) return false;
  if (target.is(Kind::text)) {
    if (!wanted.is(Kind::text)) return c.fail("invalid value type for Index function, value must be a string");
    std::size_t at = target.text.find(wanted.text);
    return out = Value::of(at == std::string_view::npos ? std::int64_t{-1} : static_cast<std::int64_t>(at)), true;
  }
  if (!target.is(Kind::list)) return c.expected("pcommon.Slice", target);
  out = Value::of(std::int64_t{-1});
  for (std::size_t i = 0; i < target.list->size(); ++i)
    if (compare(Value::of((*target.list)[i], c.arena(), false), Op::eq, wanted, c.arena())) return out.integer = static_cast<std::int64_t>(i), true;
  return true;
}

// ---- SliceToMap(list, [key path]?, [value path]?)
bool follow(EvalContext& c, otlp::Value& element, const Arg& path, std::string_view what, std::size_t index, otlp::Value*& out) {
  if (!element.is(ValueType::map))
    return c.fail("slice elements must be maps when using `key_path` or `value_path`, but element {} is not", index);
  if (path.items.empty()) return c.fail("could not extract {} from element {}: must provide at least one path item", what, index);
  out = &element;
  for (auto& item : path.items) {
    otlp::Value* next = out->is(ValueType::map) ? out->map(c.arena()).find(item->constant()->text) : nullptr;
    if (next == nullptr) return c.fail("could not extract {} from element {}: it does not contain the path", what, index);
    out = next;
  }
  return true;
}

bool slice_to_map(EvalContext& c, const Call& call, Value& out) {
  Array* list;
  if (!call.list(c, 0, list)) return false;
  auto* map = c.scratch().make<Attributes>();
  MapBuilder builder(*map, c.scratch());
  for (std::size_t i = 0; i < list->size(); ++i) {
    otlp::Value *key = nullptr, *value = &(*list)[i];
    std::string_view name;
    if (call.given(1)) {
      if (!follow(c, (*list)[i], call[1], "key", i, key)) return false;
      if (!key->is(ValueType::string)) return c.fail("element {}: extracted key attribute is not of type string", i);
      name = key->text;
    } else {
      name = c.scratch().copy(fmt::format("{}", i));
    }
    if (call.given(2) && !follow(c, (*list)[i], call[2], "value", i, value)) return false;
    builder.set(name, *value);
  }
  return out = Value::of(map), true;
}

// ---- ToKeyValueString(map, delimiter?, pair delimiter?, sort?)
Result<> check_delimiters(Call& call) {
  std::string_view delimiter = call.given(1) ? call.constant(1)->text : "=", pair = call.given(2) ? call.constant(2)->text : " ";
  if (delimiter.empty()) return fail(Errc::config, "delimiter cannot be set to an empty string");
  if (pair.empty()) return fail(Errc::config, "pair delimiter cannot be set to an empty string");
  if (delimiter == pair) return fail(Errc::config, "pair delimiter \"{}\" cannot be equal to delimiter \"{}\"", pair, delimiter);
  return {};
}

void append_quoted(std::string& out, std::string_view text, std::string_view delimiter, std::string_view pair) {
  bool quotes = text.find(delimiter) != std::string_view::npos || text.find(pair) != std::string_view::npos;
  if (quotes) out += '"';
  for (char ch : text) {
    if (ch == '"') out += '\\';
    out += ch;
  }
  if (quotes) out += '"';
}

bool to_key_value_string(EvalContext& c, const Call& call, Value& out) {
  Attributes* map;
  if (!call.map(c, 0, map)) return false;
  std::string_view delimiter = call.given(1) ? call.constant(1)->text : "=", pair = call.given(2) ? call.constant(2)->text : " ";
  std::vector<const otlp::KeyValue*> entries;
  for (auto& kv : *map) entries.push_back(&kv);
  if (call.given(3) && call.constant(3)->boolean)
    std::stable_sort(entries.begin(), entries.end(), [](auto* a, auto* b) { return a->key < b->key; });
  std::string text;
  for (auto* kv : entries) {
    if (!text.empty()) text += pair;
    append_quoted(text, kv->key, delimiter, pair);
    text += delimiter;
    append_quoted(text, otlp::to_text(kv->value), delimiter, pair);
  }
  return out = c.scratch_text(text), true;
}

}  // namespace

std::span<const FunctionInfo> collection_functions() {
  static const std::array rows{
      FunctionInfo{"Keys", "The keys of a map, as a list.", {{"target", Takes::map}}, keys},
      FunctionInfo{"Values", "The values of a map, as a list.", {{"target", Takes::map}}, values},
      FunctionInfo{"Sort", "The list in order (asc or desc): numbers by size, everything with texts or bools as text.",
                   {{"target", Takes::any}, {"order", Takes::literal_text, true}}, sort, check_order},
      FunctionInfo{"ContainsValue", "Whether the list holds a value.", {{"target", Takes::list}, {"item", Takes::any}}, contains_value},
      FunctionInfo{"Index", "Where in a text or list something is first found; -1 when nowhere.", {{"target", Takes::any}, {"value", Takes::any}}, index_of},
      FunctionInfo{"SliceToMap", "A map of the elements of a list, by their index or by what keyPath leads to; valuePath picks a part of each.",
                   {{"target", Takes::list}, {"keyPath", Takes::literal_text_list, true}, {"valuePath", Takes::literal_text_list, true}}, slice_to_map},
      FunctionInfo{"ToKeyValueString", "The entries of a map as text, like k1=v1 k2=v2.",
                   {{"target", Takes::map}, {"delimiter", Takes::literal_text, true}, {"pair_delimiter", Takes::literal_text, true},
                    {"sort_output", Takes::literal_boolean, true}}, to_key_value_string, check_delimiters},
  };
  return rows;
}

}  // namespace weir::ottl
