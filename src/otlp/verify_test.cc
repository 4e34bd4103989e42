#include "otlp/verify.h"

#include <doctest/doctest.h>

#include "otlp/test_messages.h"

using namespace weir;
using namespace weir::otlp;

namespace {

// A request with one span, whose fields these are.
bool good_span(std::string_view fields) {
  Writer out;
  out.bytes(2, fields);
  out.close(2, 0);
  out.close(1, 0);
  auto extent = verify(Signal::traces, out.view());
  return extent && extent->broken_texts == 0;
}

std::string attribute(std::string_view key, std::string_view value) { return field(9, field(1, key) + field(2, value)); }

// As SDKs send it.
std::string span_with(std::string_view name, std::string_view attributes) { return span_head(name) + std::string(attributes); }

}  // namespace

TEST_CASE("a byte that is no UTF-8 is seen wherever it stands, in texts of any length") {
  for (std::size_t size = 0; size < 150; ++size) {
    std::string plain(size, 'x');
    CHECK(good_span(span_with(plain, attribute(plain, field(1, plain)))));
    for (std::size_t at = 0; at < size; ++at) {
      CAPTURE(size);
      CAPTURE(at);
      std::string bad = plain;
      bad[at] = '\x80';
      CHECK_FALSE(good_span(span_with(bad, "")));
      CHECK_FALSE(good_span(span_with("", attribute(bad, field(1, plain)))));
      CHECK_FALSE(good_span(span_with("", attribute(plain, field(1, bad)))));
      CHECK_FALSE(good_span(span_with("", attribute(bad, "\x18\x01"))));
      if (at + 2 > size) continue;
      std::string character = plain;
      character.replace(at, 2, "\xc3\xa9");
      CHECK(good_span(span_with(character, attribute(character, field(1, character)))));
    }
  }
}

TEST_CASE("a character is not put together from the end of a key and the beginning of a value") {
  CHECK_FALSE(good_span(span_with("", attribute("k\xc3", field(1, "\xa9v")))));
  CHECK(good_span(span_with("", attribute("k\xc3\xa9", field(1, "v")))));
}

TEST_CASE("a span's fields are checked in any order and number") {
  std::string whole = span_with("name", attribute("k", field(1, "v")) + attribute("n", "\x18\xc8\x01") + attribute("e", ""));
  CHECK(good_span(whole));
  CHECK(good_span(whole + whole));
  CHECK(good_span(field(9, field(2, "") + field(1, "k")) + whole + field(1, "")));
  CHECK_FALSE(good_span(whole + field(1, "trace")));
  CHECK_FALSE(good_span(field(2, "span") + whole));
  CHECK_FALSE(good_span(whole + attribute("k", "\x18\xc8")));
  CHECK_FALSE(good_span(whole + attribute("k", "\x21" "1234567")));
  CHECK_FALSE(good_span(whole + attribute("k", "\x19" "12345678")));
}

TEST_CASE("a span that ends anywhere but between two fields is refused") {
  std::string end = attribute("k", field(1, "v")) + attribute("n", "\x18\xc8\x01");
  std::string whole = span_with("name", end);
  std::vector<std::size_t> between = {0, 18, 28, 38, 44, 46, 55, 64, whole.size() - field(9, field(1, "n") + field(2, "\x18\xc8\x01")).size(), whole.size()};
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    CAPTURE(size);
    bool is_between = std::find(between.begin(), between.end(), size) != between.end();
    CHECK(good_span(whole.substr(0, size)) == is_between);
  }
}
