#include "base/number.h"

#include <doctest/doctest.h>

#include <bit>
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

TEST_CASE("logarithms are Go's to the last bit") {
  const std::uint64_t rows[][2] = {
      {0x595fc844bc6e790a, 0x4071a1aa4badceab}, {0x417916051a30a541, 0x403115d337342c78}, {0x02d981b87214fcb3, 0xc0852b73e51c38da}, {0x3f99f22a2da7adc3, 0xc00d67557f6da062},
      {0x128de2fa91462f2f, 0xc07f74b0daf6bcbb}, {0x40f0ac6da91c91db, 0x4026435fb97d98a5}, {0x407cf00000000000, 0x40188d0852244c98}, {0x3f319414124d14e1, 0xc02072867a5529c1},
      {0x2794c4b2d5e7d492, 0xc070e1109fec17eb}, {0x3fe4999c83a5fce4, 0xbfdc30367219e20b}, {0x5b9e905d11e3d929, 0x4073304ae58ba9c6}, {0x3f6f18b21ee2a53f, 0xc0164b973c64b534},
      {0x363420dfeaadafd7, 0xc05af9b0ce058ab3}, {0x408d600000000000, 0x401b622e55826a24}, {0x6878a593b7b63707, 0x407c19768018cc7e}, {0x0000000000000001, 0xc08628b76e3a7b61},
      {0x000012688b70e62b, 0xc08628ae3f3c2ff6}, {0x0010000000000000, 0xc086232bdd7abcd2}, {0x7fefffffffffffff, 0x40862e42fefa39ef}, {0x7ff0000000000000, 0x7ff0000000000000},
      {0x3ff0000000000000, 0x0000000000000000}, {0x3fe6a09e667f3bcd, 0xbfd62e42fefa39ee}, {0x3fe0000000000000, 0xbfe62e42fefa39ef}, {0x3ff6a09e667f3bcd, 0x3fd62e42fefa39f0},
      {0x4000000000000000, 0x3fe62e42fefa39ef}, {0x4008000000000000, 0x3ff193ea7aad030a}, {0x3fb999999999999a, 0xc0026bb1bbb55515},
  };
  for (auto& [in, out] : rows) {
    CAPTURE(in);
    CHECK(std::bit_cast<std::uint64_t>(go_log(std::bit_cast<double>(in))) == out);
  }
  CHECK(go_log(3) == 1.0986122886681096);
}

TEST_CASE("numbers: as fmt prints them") {
  struct { double value; std::string_view text; } const rows[] = {
      {0, "0"}, {-0.0, "-0"}, {0.5, "0.5"}, {1e5, "100000"}, {1e6, "1e+06"}, {123456789, "1.23456789e+08"}, {1e-4, "0.0001"}, {1e-5, "1e-05"},
      {1e300, "1e+300"}, {std::nan(""), "NaN"}, {-std::numeric_limits<double>::infinity(), "-Inf"}};
  for (auto& row : rows) CHECK(go_text_of(row.value) == row.text);
}
