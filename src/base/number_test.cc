#include "base/number.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace weir;

TEST_CASE("whole numbers as Go reads them") {
  CHECK(parse_go_int("12") == 12);
  CHECK(parse_go_int("+7") == 7);
  CHECK(parse_go_int("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
  for (std::string_view bad : {"", "+", "-", "+-1", " 1", "1 ", "1.0", "0x1F", "1_000", "9223372036854775808"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_go_int(bad));
  }
}

TEST_CASE("doubles as Go reads them") {
  struct {
    std::string_view in;
    double out;
  } const rows[] = {{"12", 12},      {"+7", 7},      {"-1.5e3", -1500}, {"1_000", 1000},   {"0x1p4", 16},
                    {"0X_8p0", 8},   {".5", .5},     {"5.", 5},         {"1e-400", 0},     {"99999999999999999999", 1e20},
                    {"5e-324", 5e-324}};
  for (auto& row : rows) {
    CAPTURE(row.in);
    CHECK(parse_go_double(row.in) == row.out);
  }
  CHECK(parse_go_double("-Inf") == -std::numeric_limits<double>::infinity());
  CHECK(parse_go_double("infinity") == std::numeric_limits<double>::infinity());
  CHECK(std::isnan(*parse_go_double("NaN")));
  for (std::string_view bad : {"", ".", " 1", "1 ", "0x1F", "1__0", "_1", "1_", "1_.5", "--1", "nan(1)", "in", "1e400", "1e", "0x"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_go_double(bad));
  }
}

TEST_CASE("doubles that do not fit a whole number become the smallest one") {
  CHECK(go_int_of(2.75) == 2);
  CHECK(go_int_of(-2.75) == -2);
  for (double v : {1e30, -1e30, 9223372036854775808.0, std::nan("")}) CHECK(go_int_of(v) == std::numeric_limits<std::int64_t>::min());
}
