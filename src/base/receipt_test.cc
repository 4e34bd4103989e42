#include "base/receipt.h"

#include <doctest/doctest.h>

#include "base/partial_success.h"
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

TEST_CASE("receipts: what is said beside an OK reaches whoever is answered, added up over the parts") {
  PartialSuccess heard;
  Receipt first = Receipt::open([&](Outcome outcome) {
    CHECK_FALSE(outcome);
    heard = SettlingWith::current();
  });
  Receipt second = first, third = first;
  PartialSuccess some{2, "too long"}, more{3, "too old"};
  {
    SettlingWith with(some);
    first.settle({});
  }
  {
    SettlingWith with(more);
    second.settle({});
  }
  third.settle({});
  CHECK(heard.rejected == 5);
  CHECK(heard.message == "too long");
  CHECK(SettlingWith::current().empty());
}
