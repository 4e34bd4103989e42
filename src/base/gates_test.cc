#include "base/gates.h"

#include <doctest/doctest.h>

using namespace weir;

TEST_CASE("gates: the last word about a name counts, unknown names keep their standard") {
  gates::set({"a,-b", " +c , b "});
  CHECK(gates::enabled("a"));
  CHECK(gates::enabled("b"));
  CHECK(gates::enabled("c"));
  CHECK_FALSE(gates::enabled("d"));
  CHECK(gates::enabled("d", true));
  gates::set({"-a"});
  CHECK_FALSE(gates::enabled("a", true));
  CHECK_FALSE(gates::enabled("b"));
  gates::set({});
}
