#include <doctest/doctest.h>

#include "ottl/testing.h"

namespace weir::ottl {
namespace {

TEST_CASE("lambdas over maps and lists") {
  Bench b(ContextId::log, {.lambdas = true});
  b.run({R"(set(attributes["m"], {"a": 1, "b": 2}))", R"(set(attributes["l"], [3, 1, 2]))"});
  const std::pair<std::string_view, std::string_view> rows[] = {
      {R"(All(attributes["l"], (i, v) => v > 0))", "bool true"},
      {R"(All(attributes["m"], (_, v) => v > 1))", "bool false"},
      {R"(Any(attributes["m"], (k, v) => k == "b" and v == 2))", "bool true"},
      {R"(Any(attributes["l"], (_, v) => v == 9))", "bool false"},
      {R"(All([], (_, v) => false))", "bool true"},
      {R"(Filter(attributes["m"], (k, _) => k != "a"))", R"(map {"b":2})"},
      {R"(Filter(attributes["l"], (i, v) => i > 0))", "list [1,2]"},
      {R"(Find(attributes["l"], (_, v) => v < 3))", "int64 1"},
      {R"(Find(attributes["l"], (_, v) => v < 3, (i, v) => i + v))", "int64 2"},
      {R"(Find(attributes["l"], (_, v) => v > 3))", "nil"},
      {R"(MapEach(attributes["m"], (k, v) => v * 10))", R"(map {"a":10,"b":20})"},
      {R"(MapEach(attributes["l"], (i, v) => [i, v]))", "list [[0,3],[1,1],[2,2]]"},
      {R"(MapKeys(attributes["m"], (k, v) => Concat(["x", k], ".")))", R"(map {"x.a":1,"x.b":2})"},
      {R"(MapKeys(attributes["m"], (_, _) => "same"))", R"(map {"same":2})"},
      {R"(Reduce(attributes["l"], 10, (sum, _, v) => sum + v))", "int64 16"},
      {R"(Reduce([], 10, (sum, _, v) => sum + v))", "int64 10"},
      {R"(Reduce(attributes["m"], "", (out, k, v) => Concat([out, k, v], "")))", R"(string "a1b2")"},
      {R"(When(() => attributes["m"]["a"] == 1, "yes", "no"))", R"(string "yes")"},
      {R"(When(() => attributes["none"] != nil, "yes", "no"))", R"(string "no")"},
      {R"(MapEach(attributes["l"], (_, v) => Reduce(attributes["l"], v, (sum, _, w) => sum + w)))", "list [9,7,8]"},
      {R"(All(attributes["none"], (_, v) => true))", "error: unsupported type provided: nil"},
      {R"(All(attributes["l"], (_, v) => v))", "error: lambda expression must return a value of type bool, got int64"},
      {R"(MapEach(attributes["l"], (_, v) => nil))", "error: lambda expression must return a value, got nil"},
      {R"(MapKeys(attributes["m"], (k, v) => v))", "error: lambda expression must return a value of type string, got int64"},
  };
  for (auto& [in, out] : rows) {
    CAPTURE(in);
    CHECK(b.eval(in) == out);
  }
  CHECK(b.eval(R"(All(attributes["l"], (v) => true))").starts_with("config: "));
  CHECK(b.eval(R"(All(attributes["l"], true))").starts_with("config: "));
  CHECK(b.eval(R"(All(attributes["l"], (_, v) => other))").starts_with("config: "));
}

TEST_CASE("lambdas need their feature gate") {
  Bench b(ContextId::log, {.lambdas = false});
  CHECK(b.eval(R"(All([1], (_, v) => true))").starts_with("config: "));
}

}  // namespace
}  // namespace weir::ottl
