#include "components/processors/drain/tree.h"

#include <doctest/doctest.h>

using namespace weir::processors::drain;

TEST_CASE("drain: words that differ become wildcards") {
  Tree tree({});
  auto learn = [&](std::string_view line) {
    auto* found = tree.train(tree.tokens_of(line));
    return found ? joined(*found) : "none";
  };
  CHECK(learn("user alice logged in from 10.0.0.1") == "user alice logged in from 10.0.0.1");
  CHECK(learn("user alice logged in from 10.0.0.2") == "user alice logged in from <*>");
  CHECK(learn("connected to 1") == "connected to 1");
  CHECK(learn("connected to 2") == "connected to <*>");
  CHECK(learn("  ") == "none");
  CHECK(tree.clusters() == 2);
}

TEST_CASE("drain: the template used longest ago goes") {
  Tree tree({.max_clusters = 2});
  for (std::string_view line : {"a b c", "d e", "a b c", "f"}) tree.train(tree.tokens_of(line));
  CHECK(tree.clusters() == 2);
  CHECK(joined(*tree.train(tree.tokens_of("a b x"))) == "a b <*>");
}

TEST_CASE("drain: templates fit into the budget") {
  weir::Budget budget(10'000);
  Tree tree({}, budget.empty_charge());
  for (char c = 'a'; c <= 'z'; ++c) REQUIRE(tree.train({std::string(1000, c)}) != nullptr);
  CHECK(tree.clusters() == 3);  // each takes its text twice, and what is kept about it
  CHECK(budget.used() <= budget.limit());
  CHECK(tree.train({std::string(20'000, 'x')}) == nullptr);
  CHECK(budget.used() == 0);
}

TEST_CASE("drain: a line is compared with the templates that came last") {
  Tree tree({.max_children = 2});
  for (std::size_t i = 0; i < 2 * Tree::most_compared; ++i) tree.train({"x" + std::to_string(i), "y" + std::to_string(i)});
  auto learn = [&](std::size_t i) { return joined(*tree.train({"x" + std::to_string(i), "z"})); };
  CHECK(learn(2 * Tree::most_compared - 1).ends_with(" <*>"));
  CHECK(learn(0) == "x0 z");
}
