#pragma once
// The tree of an expression.
#include "base/regex.h"
#include "components/shared/expressions/expression.h"

namespace weir::expressions {

enum class NodeKind : std::uint8_t {
  constant, variable, local, define,     // define: parts are value and rest
  element, index, accumulator,           // # and #index and #acc in a closure
  list, map,                             // map: keys and values in turn
  member, optional_member, slice,        // member: value, key; slice: value, from, to
  chain,                                 // ends what an optional member may cut short
  call, outside_call, closure_call,      // closure_call: list, closure, more
  choose, coalesce, or_, and_, not_, negate, plus,
  equal, not_equal, less, less_equal, greater, greater_equal,
  in, matches, contains, starts_with, ends_with,
  range, add, subtract, multiply, divide, modulo, power
};

enum class Builtin : std::uint8_t {
  len, type, abs, ceil, floor, round, int_, float_, string, trim, trim_prefix, trim_suffix, upper, lower, split, split_after,
  replace, repeat, join, index_of, last_index_of, has_prefix, has_suffix, max, min, mean, median, sum_values, to_json, from_json,
  to_base64, from_base64, now, duration, first, last, get, take, keys, values, reverse, uniq, concat, flatten, sort, bit_and,
  bit_or, bit_xor, shift_left, shift_right,
  // with a closure
  all, none, any, one, filter, map, find, find_index, find_last, find_last_index, count, sum, reduce,
};

struct BuiltinInfo {
  std::string_view name;
  Builtin id;
  std::size_t least, most;  // arguments, the closure included
  bool closure = false;
  Kind gives = Kind::opaque;  // opaque: one cannot know
};
const BuiltinInfo* find_builtin(std::string_view name);

struct Node {
  NodeKind kind;
  std::vector<std::unique_ptr<Node>> parts;
  Value value;              // constant
  std::size_t index = 0;    // variable, local, define, outside_call
  const BuiltinInfo* builtin = nullptr;
  std::optional<Regex> regex;  // matches, when the pattern is written out
};

struct Parsed {
  std::unique_ptr<Node> root;
  std::size_t locals = 0;
};
Result<Parsed> parse_expression(std::string_view text, const Vocabulary& vocabulary, Arena& constants);
// What a node gives, if that is known; Kind::opaque otherwise.
Kind kind_of(const Node& node);

// Arguments of a function are evaluated already.
class Evaluation;
bool call_builtin(Builtin id, std::span<const Value> arguments, Evaluation& evaluation, Value& out);

// One run. Calls return false after an error, which is kept here.
class Evaluation {
 public:
  Evaluation(Environment& environment, Arena& to, std::size_t locals) : arena(to), environment_(environment), locals_(locals) {}

  bool evaluate(const Node& node, Value& out);
  bool fail(std::string what) {
    if (error.empty()) error = std::move(what);
    return false;
  }
  // Counts work and what is made: nobody's expression may keep a core busy.
  bool spend(std::size_t steps) { return steps > left_ ? fail("the expression does too much work") : (left_ -= steps, true); }
  UnixNanos now() const { return environment_.now(); }

  Arena& arena;
  std::string error;

 private:
  bool truth(const Node& node, bool& out);
  bool binary(const Node& node, Value& out);
  bool arithmetic(NodeKind kind, const Value& a, const Value& b, Value& out);
  bool member(const Node& node, Value& out);
  bool slice(const Node& node, Value& out);
  bool matches(const Node& node, const Value& a, const Value& b, Value& out);
  bool contained(const Value& a, const Value& b, Value& out);
  bool list(const Node& node, Value& out);
  bool map(const Node& node, Value& out);
  bool range(const Value& a, const Value& b, Value& out);
  bool closure_call(const Node& node, Value& out);
  bool call(const Node& node, Value& out);

  struct Closure {
    Value element, accumulator;
    std::int64_t index = 0;
  };
  Environment& environment_;
  std::vector<Value> locals_;
  Closure* closure_ = nullptr;
  bool cut_short_ = false;  // an optional member met nil: nil up to the end of the chain
  std::size_t left_ = 1'000'000;
};

// Equality of the language: numbers by value, all else by type and content.
bool same(const Value& a, const Value& b, Arena& arena);
// -1, 0, 1; nullopt for those that have no order. Numbers, texts, times, durations.
std::optional<int> order(const Value& a, const Value& b);
// The word for a kind of value in messages and for type().
std::string_view type_name(const Value& value);
// As Go's %v.
std::string text_of(const Value& value, Arena& arena);
// A number as the index of something: without its fraction; what does not fit becomes the smallest number.
std::int64_t whole_of(const Value& number);
// Appends to a list. False for what a list cannot hold.
bool push(otlp::Array& list, const Value& value, Arena& arena);

}  // namespace weir::expressions
