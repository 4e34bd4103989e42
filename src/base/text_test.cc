#include "base/text.h"

#include <doctest/doctest.h>

using namespace weir;

TEST_CASE("base64 and hex go there and back") {
  for (std::string_view text : {std::string_view(""), std::string_view("a"), std::string_view("ab"), std::string_view("abc"), std::string_view("abcd"), std::string_view("\0\xff\x10", 3)}) {
    std::string back;
    CHECK(decode_base64(encode_base64(text), back));
    CHECK(back == text);
    CHECK(from_hex(to_hex(text), back));
    CHECK(back == text);
  }
  std::string out;
  CHECK(encode_base64("abcd") == "YWJjZA==");
  CHECK_FALSE(decode_base64("a", out));
  CHECK_FALSE(decode_base64("a*b=", out));
  CHECK_FALSE(from_hex("abc", out));
  CHECK_FALSE(from_hex("zz", out));
}

TEST_CASE("UTF-8: what the standard allows and nothing else") {
  CHECK(valid_utf8("plain ascii text longer than one word"));
  CHECK(valid_utf8("größer ∞ 😀"));
  CHECK_FALSE(valid_utf8("\xC0\x80"));          // overlong
  CHECK_FALSE(valid_utf8("\xED\xA0\x80"));      // surrogate
  CHECK_FALSE(valid_utf8("\xF4\x90\x80\x80"));  // above U+10FFFF
  CHECK_FALSE(valid_utf8("12345678\xE2\x82"));  // cut short
}

TEST_CASE("a JSON string survives anything") {
  CHECK(quote_json("a\"b\\c\n\x01") == R"("a\"b\\c\n\u0001")");
  CHECK(quote_json("ü\xff") == "\"ü\xEF\xBF\xBD\"");
}

TEST_CASE("doubles as Go's JSON writes them") {
  const std::pair<double, std::string_view> rows[] = {
      {0, "0"}, {-0.0, "-0"}, {1.5, "1.5"}, {1e-6, "0.000001"}, {1.25e-7, "1.25e-7"}, {1e21, "1e+21"}, {1e20, "100000000000000000000"},
      {-1700000952718154240.0, "-1700000952718154200"}, {9007199254740992.0, "9007199254740992"}, {9007199254740994.0, "9007199254740994"},
      {4611686018427387904.0, "4611686018427388000"}, {123456789012345680.0, "123456789012345680"}, {5e-324, "5e-324"}};
  for (auto& [value, text] : rows) CHECK(format_json_double(value) == text);
}

TEST_CASE("did you mean") {
  std::vector<std::string_view> words = {"batch", "filter", "transform"};
  CHECK(nearest("btach", words) == "batch");
  CHECK(nearest("tranform", words) == "transform");
  CHECK(nearest("kafka", words) == "");
}
