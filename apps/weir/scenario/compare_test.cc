#include "weir/scenario/compare.h"

#include <doctest/doctest.h>

#include "config/yaml.h"

using namespace weir;
using namespace weir::app::scenario;

namespace {

std::vector<config::Value> list(std::string_view yaml) {
  auto value = config::parse_yaml(yaml);
  REQUIRE(value);
  return value->items();
}

std::string differs(std::string_view expected, std::string_view actual) {
  std::string out;
  for (auto& line : differences(*config::parse_yaml(expected), *config::parse_yaml(actual))) out += line + "\n";
  return out;
}

}  // namespace

TEST_CASE("only what is written is compared; null is absent; numbers are numbers") {
  CHECK(differs("{a: 1}", "{a: 1.0, b: 2}") == "");
  CHECK(differs("{a: {x: null}}", "{b: 2}") == "");
  CHECK(differs("{a: {x: null}}", "{a: {x: 1}}") == "a.x: expected nothing, got 1\n");
  CHECK(differs("{a: '1'}", "{a: 1}") == "a: expected \"1\", got 1\n");
  CHECK(differs("{a: {x: 1}}", "{}") == "a.x: expected 1, got nothing\n");
  CHECK(differs("{a: [1, {b: 2}]}", "{a: [1, {b: 3, c: 4}]}") == "a[1].b: expected 2, got 3\n");
  CHECK(differs("{a: [1]}", "{a: [1, 2]}") == "a: expected [1], got [1, 2]\n");
}

TEST_CASE("items pair in any order, and one that asks for little takes no partner from one that asks for more") {
  CHECK(diff(list("[{a: 1}, {a: 1, b: 2}]"), list("[{a: 1, b: 2}, {a: 1, b: 3}]")) == "");
  CHECK(diff(list("[{a: 1, b: 2}, {a: 1}]"), list("[{a: 1, b: 3}, {a: 1, b: 2}]")) == "");
  CHECK(diff({}, {}) == "");
}

TEST_CASE("what has no partner is shown, with how it differs from the nearest") {
  CHECK(diff(list("[{name: GET, status: ERROR}, {name: x y}]"), list("[{name: GET, status: OK, id: 1}]")) ==
        "  - {name: GET, status: ERROR}\n"
        "      status: expected ERROR, got OK\n"
        "  - {name: \"x y\"}\n"
        "      name: expected \"x y\", got GET\n"
        "  + {name: GET, status: OK, id: 1}\n");
}
