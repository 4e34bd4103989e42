// Functions that run an expression for each entry of a map or list.
#include "ottl/function.h"
#include "ottl/map_builder.h"

namespace weir::ottl {
namespace {

using otlp::Array;
using otlp::Attributes;

// A map or a list.
struct Entries {
  Attributes* map = nullptr;
  Array* list = nullptr;

  static bool of(EvalContext& c, const Call& call, std::size_t argument, Entries& out) {
    Value source;
    if (!call.value(c, argument, source)) return false;
    if (source.is(Kind::map)) return out.map = source.map, true;
    if (!source.is(Kind::list)) return c.fail("unsupported type provided: {}", to_string(source.kind));
    return call.list(c, argument, out.list);
  }

  std::size_t size() const { return map != nullptr ? map->size() : list->size(); }
  otlp::Value& raw(std::size_t i) const { return map != nullptr ? (*map)[i].value : (*list)[i]; }
  Value key(std::size_t i) const { return map != nullptr ? Value::of((*map)[i].key) : Value::of(static_cast<std::int64_t>(i)); }
  Value value(EvalContext& c, std::size_t i) const { return Value::of(raw(i), c.arena(), false); }
};

// Runs a lambda with the last parameters set to entry `i`; `before` stands in front of them.
bool run_lambda(EvalContext& c, const Lambda& lambda, const Entries& entries, std::size_t i, Value& out, std::size_t before = 0) {
  lambda.bind(c, before, entries.key(i));
  lambda.bind(c, before + 1, entries.value(c, i));
  if (!lambda.body->eval(c, out)) return false;
  return !out.nil() || c.fail("lambda expression must return a value, got nil");
}

bool run_predicate(EvalContext& c, const Lambda& lambda, const Entries& entries, std::size_t i, bool& out) {
  Value value;
  if (!run_lambda(c, lambda, entries, i, value)) return false;
  if (!value.is(Kind::boolean)) return c.fail("lambda expression must return a value of type bool, got {}", to_string(value.kind));
  return out = value.boolean, true;
}

// The first entry for which the predicate gives `wanted`, or the number of entries.
bool first_with(EvalContext& c, const Call& call, bool wanted, Entries& entries, std::size_t& out) {
  if (!Entries::of(c, call, 0, entries)) return false;
  for (out = 0; out < entries.size(); ++out) {
    bool truth;
    if (!run_predicate(c, *call[1].lambda, entries, out, truth)) return false;
    if (truth == wanted) break;
  }
  return true;
}

bool all(EvalContext& c, const Call& call, Value& out) {
  Entries entries;
  std::size_t at;
  return first_with(c, call, false, entries, at) && (out = Value::of(at == entries.size()), true);
}

bool any(EvalContext& c, const Call& call, Value& out) {
  Entries entries;
  std::size_t at;
  return first_with(c, call, true, entries, at) && (out = Value::of(at < entries.size()), true);
}

bool find(EvalContext& c, const Call& call, Value& out) {
  Entries entries;
  std::size_t at;
  if (!first_with(c, call, true, entries, at)) return false;
  if (at == entries.size()) return out = {}, true;
  if (call.given(2)) return run_lambda(c, *call[2].lambda, entries, at, out);
  return out = entries.value(c, at), true;
}

// Collects what becomes of entries, as a list or map like the one they are from.
class Collected {
 public:
  Collected(EvalContext& c, const Entries& from) : c_(c) {
    if (from.map != nullptr)
      map_ = c.scratch().make<Attributes>();
    else
      list_ = c.scratch().make<Array>();
  }
  void add(const Entries& from, std::size_t i, const otlp::Value& value) {
    if (map_ != nullptr)
      map_->push_back(c_.scratch(), {(*from.map)[i].key, value});
    else
      list_->push_back(c_.scratch(), value);
  }
  Value value() const { return map_ != nullptr ? Value::of(map_) : Value::of(list_); }

 private:
  EvalContext& c_;
  Attributes* map_ = nullptr;
  Array* list_ = nullptr;
};

bool filter(EvalContext& c, const Call& call, Value& out) {
  Entries entries;
  if (!Entries::of(c, call, 0, entries)) return false;
  Collected kept(c, entries);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    bool truth;
    if (!run_predicate(c, *call[1].lambda, entries, i, truth)) return false;
    if (truth) kept.add(entries, i, entries.raw(i));
  }
  return out = kept.value(), true;
}

bool map_each(EvalContext& c, const Call& call, Value& out) {
  Entries entries;
  if (!Entries::of(c, call, 0, entries)) return false;
  Collected mapped(c, entries);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    Value value;
    otlp::Value stored;
    if (!run_lambda(c, *call[1].lambda, entries, i, value)) return false;
    if (!to_otlp(value, c.scratch(), stored)) return c.fail("a map or list cannot hold a {}", to_string(value.kind));
    mapped.add(entries, i, stored);
  }
  return out = mapped.value(), true;
}

// Of entries whose new keys are equal the last one's value stays, in the place of the first.
bool map_keys(EvalContext& c, const Call& call, Value& out) {
  Entries entries;
  if (!call.map(c, 0, entries.map)) return false;
  auto* renamed = c.scratch().make<Attributes>();
  MapBuilder builder(*renamed, c.scratch());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    Value key;
    if (!run_lambda(c, *call[1].lambda, entries, i, key)) return false;
    if (!key.is(Kind::text)) return c.fail("lambda expression must return a value of type string, got {}", to_string(key.kind));
    builder.set(key.text, entries.raw(i));
  }
  return out = Value::of(renamed), true;
}

bool reduce(EvalContext& c, const Call& call, Value& out) {
  Entries entries;
  if (!Entries::of(c, call, 0, entries) || !call.value(c, 1, out)) return false;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    call[2].lambda->bind(c, 0, out);
    if (!run_lambda(c, *call[2].lambda, entries, i, out, 1)) return false;
  }
  return true;
}

bool when(EvalContext& c, const Call& call, Value& out) {
  Value truth;
  if (!call[0].lambda->body->eval(c, truth)) return false;
  if (!truth.is(Kind::boolean)) return c.fail("lambda expression must return a value of type bool, got {}", to_string(truth.kind));
  return call.value(c, truth.boolean ? 1 : 2, out);
}

FunctionInfo gated(std::string_view name, std::string_view doc, std::vector<Param> params, bool (*run)(EvalContext&, const Call&, Value&)) {
  return {.name = name, .doc = doc, .params = std::move(params), .run = run, .gated = true};
}

}  // namespace

std::span<const FunctionInfo> lambda_functions() {
  static const std::array rows{
      gated("All", "Whether the lambda is true for every entry of a map or list.", {{"source", Takes::any}, {"predicate", Takes::lambda2}}, all),
      gated("Any", "Whether the lambda is true for an entry of a map or list.", {{"source", Takes::any}, {"predicate", Takes::lambda2}}, any),
      gated("Filter", "The entries of a map or list for which the lambda is true.", {{"source", Takes::any}, {"predicate", Takes::lambda2}}, filter),
      gated("Find", "The first value of a map or list for which the lambda is true, passed through the mapper when there is one; nil when there is none.",
            {{"source", Takes::any}, {"predicate", Takes::lambda2}, {"mapper", Takes::lambda2, true}}, find),
      gated("MapEach", "The map or list with what the lambda makes of each value.", {{"source", Takes::any}, {"mapper", Takes::lambda2}}, map_each),
      gated("MapKeys", "The map with what the lambda makes of each key.", {{"source", Takes::map}, {"keyMapper", Takes::lambda2}}, map_keys),
      gated("Reduce", "What the lambda makes of the result so far, the key and the value, entry by entry, beginning with the seed.",
            {{"source", Takes::any}, {"seed", Takes::any}, {"accumulator", Takes::lambda3}}, reduce),
      gated("When", "The second argument when the lambda is true, otherwise the third.",
            {{"condition", Takes::lambda0}, {"trueValue", Takes::any}, {"falseValue", Takes::any}}, when),
  };
  return rows;
}

}  // namespace weir::ottl
