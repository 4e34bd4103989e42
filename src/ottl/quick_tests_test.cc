#include "ottl/quick_tests.h"

#include <doctest/doctest.h>

#include <limits>

#include "ottl/testing.h"

namespace weir::ottl {
namespace {

constexpr std::array<std::string_view, 6> ops = {"==", "!=", "<", "<=", ">=", ">"};
constexpr std::array<std::string_view, 12> literals = {"nil", R"("abc")", R"("")", "42", "-1", "0", "42.0", "41.5", "true", "0x616263", R"(["abc"])", R"({"a": 1})"};

// One entry of every type, by its name; "twice" is there two times.
std::vector<std::string> fill(Bench& b) {
  using otlp::Value;
  auto& a = b.span.attributes;
  auto add = [&](std::string_view key, Value value) { a.push_back(b.arena, {key, value}); };
  add("empty", {});
  add("text", Value::of(std::string_view("abc")));
  add("no text", Value::of(std::string_view()));
  add("number text", Value::of(std::string_view("42")));
  add("integer", Value::of(std::int64_t{42}));
  add("negative", Value::of(std::int64_t{-1}));
  add("real", Value::of(42.0));
  add("other real", Value::of(41.5));
  add("nan", Value::of(std::numeric_limits<double>::quiet_NaN()));
  add("true", Value::of(true));
  add("false", Value::of(false));
  add("bytes", Value::of_bytes("abc"));
  add("no bytes", Value::of_bytes(""));
  add("line", Value::of(std::string_view("abc\nabc")));
  add("not UTF-8", Value::of(std::string_view("abc\xff")));
  add("list", {.type = otlp::ValueType::array, .raw = true, .text = {}});
  auto* map = b.arena.make<otlp::Attributes>();
  map->push_back(b.arena, {"a", Value::of(std::int64_t{1})});
  add("map", Value::of(map));
  add("twice", Value::of(std::string_view("abc")));
  add("twice", Value::of(std::int64_t{42}));
  std::vector<std::string> out = {"missing"};
  for (auto& kv : a) out.emplace_back(kv.key);
  return out;
}

// Both conditions' outcome is the same, and the one of their negations.
void check_same(Bench& b, const std::string& quick, const std::string& general) {
  CAPTURE(quick);
  CHECK(b.test(quick) == b.test(general));
  CHECK(b.test("not (" + quick + ")") == b.test("not (" + general + ")"));
}

void check_comparisons(Bench& b, const std::string& quick, const std::string& general) {
  for (std::string_view op : ops)
    for (std::string_view literal : literals) {
      check_same(b, fmt::format("{} {} {}", quick, op, literal), fmt::format("{} {} {}", general, op, literal));
      check_same(b, fmt::format("{} {} {}", literal, op, quick), fmt::format("{} {} {}", literal, op, general));
    }
}

TEST_CASE("quick tests: entries compare with literals as values do, whatever their types") {
  Bench b(ContextId::span);
  for (auto& key : fill(b)) {
    CAPTURE(key);
    check_comparisons(b, fmt::format(R"(attributes["{}"])", key), fmt::format(R"(attributes[Concat(["{}"], "")])", key));
  }
  CHECK(b.test(R"(attributes["twice"] == "abc" and attributes["twice"] != 42)") == "true");
  CHECK(b.test(R"(attributes["no bytes"] == nil and attributes["empty"] == nil and attributes["missing"] == nil)") == "true");
  CHECK(b.test(R"(attributes["real"] == 42 and attributes["other real"] < 42 and 42 > attributes["negative"])") == "true");
  CHECK(b.test(R"(attributes["nan"] == 42 or attributes["number text"] == 42 or attributes["true"] == 1)") == "false");
}

TEST_CASE("quick tests: fields compare with literals as values do") {
  Bench b(ContextId::span);
  b.span.name = "abc";
  b.span.status_code = 42;
  b.span.end_time_unix_nano = ~std::uint64_t{0};  // -1 as an int64
  check_comparisons(b, "status.code", "(status.code + 0)");
  check_comparisons(b, "span.end_time_unix_nano", "(end_time_unix_nano + 0)");
  check_comparisons(b, "name", R"(Concat([name], ""))");
  check_comparisons(b, "status.message", R"(Concat([status.message], ""))");
  check_comparisons(b, "scope.name", R"(Concat([scope.name], ""))");
  check_comparisons(b, "trace_state", R"(Concat([trace_state], ""))");
  CHECK(b.test(R"(status.code == 42 and status.code >= 42 and 43 > status.code and name == "abc")") == "true");
}

TEST_CASE("quick tests: IsMatch of entries and fields is IsMatch of values") {
  Bench b(ContextId::span);
  b.span.name = "abc\n";
  constexpr std::array<std::string_view, 10> patterns = {"^abc.*$", "^abc", "abc$", "^abc$", "b", "42", "^$", "[0-9]+", "^.*$", "true|61"};
  for (auto& key : fill(b))
    for (std::string_view pattern : patterns) {
      CAPTURE(key);
      check_same(b, fmt::format(R"(IsMatch(attributes["{}"], "{}"))", key, pattern), fmt::format(R"(IsMatch(attributes["{}"], "{}") == true)", key, pattern));
      check_same(b, fmt::format(R"(IsMatch(name, "{}"))", pattern), fmt::format(R"(IsMatch(Concat([name], ""), "{}"))", pattern));
    }
  CHECK(b.test(R"(IsMatch(attributes["text"], "^abc.*$") and IsMatch(attributes["integer"], "^42$") and IsMatch(attributes["true"], "true"))") == "true");
  CHECK(b.test(R"(IsMatch(attributes["line"], "^abc.*$") or IsMatch(name, "^abc$"))") == "false");
  CHECK(b.test(R"(IsMatch(attributes["not UTF-8"], "^abc.*$"))") == "true");
  CHECK(b.test(R"(IsMatch(attributes["missing"], ".*") or IsMatch(attributes["empty"], ".*"))") == "false");
  CHECK(b.test(R"(IsMatch(attributes["nan"], ".*"))") == "NaN and infinities have no JSON");
  CHECK(b.test(R"(IsMatch(attributes["text"], attributes["text"]))") == "true");
}

NodePtr path(std::string_view name, std::string_view key = {}) {
  auto rows = paths_of(ContextId::span);
  auto row = std::find_if(rows.begin(), rows.end(), [&](auto& r) { return r.name == name; });
  std::vector<NodePtr> keys;
  if (!key.empty()) keys.push_back(std::make_unique<LiteralNode>(std::string(key)));
  return std::make_unique<PathNode>(*row, std::move(keys));
}

TEST_CASE("quick tests: are there for texts, integers and nil, and leave other nodes alone") {
  auto quick = [](Op op, NodePtr left, Value literal) {
    NodePtr right = std::make_unique<LiteralNode>(literal);
    bool made = quick_comparison(op, left, right) != nullptr;
    if (!made) CHECK((left != nullptr && right != nullptr));
    return made;
  };
  CHECK(quick(Op::eq, path("attributes", "k"), {}));
  CHECK(quick(Op::ne, path("attributes", "k"), Value::of(std::string_view("v"))));
  CHECK(quick(Op::lt, path("attributes", "k"), Value::of(std::int64_t{1})));
  CHECK(quick(Op::eq, path("name"), Value::of(std::string_view("v"))));
  CHECK(quick(Op::ge, path("status.code"), Value::of(std::int64_t{1})));
  CHECK_FALSE(quick(Op::le, path("attributes", "k"), {}));
  CHECK_FALSE(quick(Op::lt, path("attributes", "k"), Value::of(std::string_view("v"))));
  CHECK_FALSE(quick(Op::eq, path("attributes", "k"), Value::of(true)));
  CHECK_FALSE(quick(Op::eq, path("attributes"), {}));
  CHECK_FALSE(quick(Op::eq, path("trace_state", "k"), Value::of(std::string_view("v"))));
  CHECK_FALSE(quick(Op::eq, path("status.code"), Value::of(1.0)));
  CHECK_FALSE(quick(Op::eq, std::make_unique<LiteralNode>(Value::of(true)), Value::of(true)));
}

}  // namespace
}  // namespace weir::ottl
