#include "kube/quantity.h"

#include <doctest/doctest.h>

using namespace weir::kube;

TEST_CASE("quantities") {
  struct { std::string_view text; double value; } const rows[] = {{"0", 0}, {"2", 2}, {"100m", 0.1}, {"1.5", 1.5}, {"64Mi", 67108864}, {"1Ki", 1024}, {"5G", 5e9}, {"1e3", 1000}, {"12E2", 1200}, {"1E", 1e18}, {"-1k", -1000}, {"+3", 3}};
  for (auto& row : rows) {
    auto value = parse_quantity(row.text);
    REQUIRE_MESSAGE(value.has_value(), row.text);
    CHECK(*value == doctest::Approx(row.value));
  }
  for (std::string_view wrong : {"", "m", "1x", "1 Ki", "1e", "1e999", "abc", "1..2"}) CHECK_MESSAGE(!parse_quantity(wrong), wrong);
}
