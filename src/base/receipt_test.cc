#include "base/receipt.h"

#include <doctest/doctest.h>

#include "base/time.h"

using namespace weir;

TEST_CASE("a receipt is answered once, when the last part is settled") {
  int answers = 0;
  Outcome outcome;
  Receipt first = Receipt::open([&](Outcome o) { ++answers, outcome = std::move(o); });
  Receipt second = first;
  first.settle({});
  CHECK(answers == 0);
  second.settle({});
  CHECK(answers == 1);
  CHECK_FALSE(outcome);
}

TEST_CASE("the worst outcome wins: permanent over retryable over fine") {
  Outcome outcome;
  Receipt a = Receipt::open([&](Outcome o) { outcome = std::move(o); });
  Receipt b = a, c = a;
  a.settle(Error{Errc::permanent, "no", {}});
  b.settle(Error{Errc::retryable, "later", 5s});
  c.settle({});
  REQUIRE(outcome);
  CHECK(outcome->code == Errc::permanent);
}

TEST_CASE("a forgotten part is never answered OK") {
  Outcome outcome;
  { Receipt lost = Receipt::open([&](Outcome o) { outcome = std::move(o); }); }
  REQUIRE(outcome);
  CHECK(outcome->code == Errc::internal);
}
