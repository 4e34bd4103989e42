#include "base/bytes.h"

#include <doctest/doctest.h>

namespace weir {

TEST_CASE("bytes: a charge is given back when the last of all views into them is gone") {
  Budget budget(1000);
  Bytes whole = Bytes::take("abcdef").charged(budget.charge_unchecked(6));
  Bytes part = whole.slice(whole.view().substr(1, 2));
  CHECK(budget.used() == 6);
  whole = {};
  CHECK(part.view() == "bc");
  CHECK(budget.used() == 6);
  part = {};
  CHECK(budget.used() == 0);
}

TEST_CASE("bytes: others that share them keep no charge, and lose nothing by it") {
  Budget budget(1000);
  Bytes first = Bytes::copy_of("abcdef"), second = first;
  Bytes charged = std::move(second).charged(budget.charge_unchecked(6));
  CHECK(budget.used() == 6);
  Bytes again = std::move(charged).charged(budget.charge_unchecked(2));  // a charge is there already
  CHECK(budget.used() == 8);
  CHECK(again.data() == first.data());
  again = {};
  CHECK(first.view() == "abcdef");
}

TEST_CASE("bytes: what is charged twice gives both charges back") {
  Budget budget(1000);
  Bytes bytes = Bytes::take("abc").charged(budget.charge_unchecked(3));
  bytes = std::move(bytes).charged(budget.charge_unchecked(4));
  CHECK(bytes.view() == "abc");
  CHECK(budget.used() == 7);
  bytes = {};
  CHECK(budget.used() == 0);
}

}  // namespace weir
