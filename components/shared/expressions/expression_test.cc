#include "components/shared/expressions/expression.h"

#include <doctest/doctest.h>

#include "ottl/text/json.h"

using namespace weir;
using namespace weir::expressions;

namespace {

constexpr std::string_view variables[] = {"body", "attributes", "word"};
constexpr Vocabulary::Function functions[] = {{"env", 1}};
constexpr Vocabulary vocabulary{variables, functions};

struct World : Environment {
  Arena arena;
  Value values[3];
  World() {
    values[0] = Value::of(std::string_view("2024 hello"));
    auto attributes = ottl::parse_json(R"({"n": 5, "s": "abc", "l": [1, 2, 3], "m": {"k": "v"}, "nul": null})", arena);
    values[1] = Value::of(*attributes, arena, true);
  }
  Value variable(std::size_t index) override { return values[index]; }
  Result<Value> call(std::size_t, std::span<const Value> arguments) override { return arguments[0]; }
  UnixNanos now() const override { return 1'000'000'000; }
};

// As JSON, "error: ..." or "config: ...".
std::string outcome(std::string_view text) {
  auto compiled = Expression::compile(text, vocabulary);
  if (!compiled) return "config: " + compiled.error().what;
  World world;
  auto value = compiled->evaluate(world, world.arena);
  if (!value) return "error: " + value.error().what;
  std::string out;
  ottl::append_json(out, *value, world.arena);
  return out;
}

}  // namespace

TEST_CASE("expressions: what they give") {
  struct { std::string_view text, gives; } const rows[] = {
      {"1 + 2 * 3", "7"},
      {"7 / 2", "3.5"},
      {"7 % 4 - -1", "4"},
      {"2 ** 3 ** 2", "512"},
      {"'a' + \"b\" + `c`", R"("abc")"},
      {R"("\x41\u00e9\t\101")", R"("Aé\tA")"},
      {"1_000 + 0x10 + 0b11", "1019"},
      {"string(1e6) + string({'b': 123456789.0, 'a': [nil, 0.5]})", R"("1e+06map[a:[<nil> 0.5] b:1.23456789e+08]")"},
      {"not true or 1 < 2 and 2.5 >= 2", "true"},
      {"!(1 == 1.0)", "false"},
      {"nil == nil and unknown == nil and attributes.nul == nil", "true"},
      {"body matches \"^[0-9]+ h\"", "true"},
      {"body not matches \"x$\"", "true"},
      {"body startsWith '2024' && body endsWith 'o' && body contains ' '", "true"},
      {"nil matches 'a' or nil contains 'a' or unknown startsWith 'x'", "false"},
      {"'b' in ['a', 'b'] and 2 not in [1, 3] and 's' in attributes and not ('x' in attributes)", "true"},
      {"attributes.n", "5"},
      {"attributes[\"s\"]", R"("abc")"},
      {"attributes.m.k", R"("v")"},
      {"attributes?.x?.y.z", "null"},
      {"attributes.x ?? 'default'", R"("default")"},
      {"attributes.l[-1] + attributes.l[0]", "4"},
      {"body[0:4]", R"("2024")"},
      {"body[5:]", R"("hello")"},
      {"attributes.l[:2]", "[1,2]"},
      {"true ? 'yes' : 'no'", R"("yes")"},
      {"if false { 1 } else if true { 2 } else { 3 }", "2"},
      {"let x = 5; let y = x * 2; x + y", "15"},
      {"{a: 1, 'b c': [1, nil]}", R"({"a":1,"b c":[1,null]})"},
      {"1..3", "[1,2,3]"},
      {"9223372036854775806..9223372036854775807", "[9223372036854775806,9223372036854775807]"},
      {"[1, 2][-1/0 : 1/0] == [] and get([1], 1/0) == nil", "true"},
      {"all(1..3, # > 0) and none(1..3, {# > 3}) and any(1..3, # == 2) and one(1..3, # == 2)", "true"},
      {"map(1..3, # * 2) | filter(# > 2)", "[4,6]"},
      {"count(1..10, # % 2 == 0) + sum([1, 2, 3])", "11"},
      {"find([{x: 1}, {x: 2}], .x == 2).x", "2"},
      {"reduce(1..4, #acc + #)", "10"},
      {"len('äb') + len([1]) + len(attributes)", "8"},
      {"upper('ab') + lower('CD') + trim('  x ')", R"("ABcdx")"},
      {"split('a,b,c', ',', 2)", R"(["a","b,c"])"},
      {"join(['a', 'b'], '-')", R"("a-b")"},
      {"replace('aaa', 'a', 'b', 2)", R"("bba")"},
      {"int('42') + int(2.9)", "44"},
      {"float('1.5')", "1.5"},
      {"string(1.5) + string(true) + string([1, 'a'])", R"("1.5true[1 a]")"},
      {"type(1) + type(nil) + type('')", R"("intnilstring")"},
      {"max(1, [5, 3], 2)", "5"},
      {"fromJSON('{\"a\": [1]}').a[0]", "1"},
      {"toJSON({a: 1})", R"("{\"a\":1}")"},
      {"hasPrefix(body, '20') and indexOf(body, 'h') == 5", "true"},
      {"env('X')", R"("X")"},
      {"keys({a: 1})", R"(["a"])"},
      {"flatten([1, [2, [3]]])", "[1,2,3]"},
      {"1 // comment\n + /* more */ 1", "2"},
  };
  for (auto& row : rows) {
    CAPTURE(row.text);
    CHECK(outcome(row.text) == row.gives);
  }
}

TEST_CASE("expressions: what goes wrong while they run") {
  struct { std::string_view text, says; } const rows[] = {
      {"attributes.s.x", "error: string has no member x"},
      {"attributes.none.x", "error: nil has no member x"},
      {"attributes.n matches 'a'", "error: 'matches' with float"},
      {"attributes.s < 1", "error: string and int have no order"},
      {"attributes.s + 1", "error: no arithmetic with string and int"},
      {"attributes.s and true", "error: neither true nor false but string"},
      {"attributes.l[7]", "error: index 7 is outside of 3"},
      {"int('x')", "error: \"x\" is no whole number"},
      {"1 % 0", "error: division by zero"},
      {"map(1..100000, all(1..100000, # >= 0))", "error: the expression does too much work"},
      {"1..9000000000", "error: the expression does too much work"},
      {"[1][2/-0]", "error: index +Inf is outside of 1"},
      {"repeat('x', 100000000)", "error: the expression makes a text that is too long"},
  };
  for (auto& row : rows) {
    CAPTURE(row.text);
    CHECK(outcome(row.text) == row.says);
  }
}

TEST_CASE("expressions: what is refused") {
  for (std::string_view text : {"", "1 +", "(1", "[1", "foo(1)", "'abc", "1 1", "body matches '('", "# > 1", "len()", "1 and true", "a ? b", "let x = 1",
                                "body.toUpper()", "\"\\q\"", "5x", "{a", "not 'a'", "1 in"}) {
    CAPTURE(text);
    CHECK(outcome(text).starts_with("config: "));
  }
  CHECK(!Expression::compile(std::string(100'000, '('), vocabulary));
  CHECK(!Expression::compile(std::string(10'000, '('), vocabulary));
  CHECK(!Expression::compile("'text'", vocabulary, Expression::Want::boolean));
  CHECK(!Expression::compile("len(body)", vocabulary, Expression::Want::boolean));
  CHECK(Expression::compile("body", vocabulary, Expression::Want::boolean));
}

TEST_CASE("expressions: a test is true or false, nil is false") {
  World world;
  CHECK(Expression::compile("unknown", vocabulary, Expression::Want::boolean)->test(world, world.arena) == false);
  CHECK(!Expression::compile("body", vocabulary, Expression::Want::boolean)->test(world, world.arena));
}
