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
