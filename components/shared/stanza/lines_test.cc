#include "components/shared/stanza/lines.h"

#include <doctest/doctest.h>

using namespace weir;
using namespace weir::stanza;

namespace {

// Lines joined by |, what is left behind a /.
std::string split(const LineSettings& settings, std::string_view data, bool at_end = true) {
  auto lines = Lines::make(settings);
  REQUIRE(lines.has_value());
  bool skipping = false;
  LineScan scan(*lines, data, at_end, skipping);
  Arena arena;
  std::string out;
  while (auto raw = scan.next()) {
    if (!out.empty()) out += '|';
    out += lines->read(*raw, arena).text;
  }
  return out + "/" + std::string(scan.rest());
}

}  // namespace

TEST_CASE("lines: where they end") {
  CHECK(split({}, "a\nb\r\n\n c \nrest") == "a|b||c/rest");
  CHECK(split({.preserve_leading = true, .preserve_trailing = true}, " a \n") == " a /");
  CHECK(split({.max_size = 3}, "abcdefgh\nij\n") == "abc|def|gh|ij/");
  CHECK(split({.max_size = 3}, "abcde") == "abc/de");
  CHECK(split({.max_size = 3, .truncate = true}, "abcdefgh\nij\n") == "abc|ij/");
  CHECK(split({.multiline = {.line_start_pattern = "^#"}}, "x\n#1\na\n#2\n#3\nb\n") == "x|#1\na|#2/#3\nb\n");
  CHECK(split({.multiline = {.line_end_pattern = ";"}}, "a\nb;c;d") == "a\nb;|c;/d");
  CHECK(split({.multiline = {.line_end_pattern = ";", .omit_pattern = true}}, "a\nb;c;d") == "a\nb|c/d");
  CHECK(split({.encoding = "nop"}, "a\nb\n") == "a\nb\n/");
  CHECK(split({.encoding = "nop", .max_size = 3, .truncate = true}, "abcdefg") == "abc|def|g/");
}

TEST_CASE("lines: a line that was cut off goes on in the next piece") {
  auto lines = Lines::make({.max_size = 3, .truncate = true});
  REQUIRE(lines.has_value());
  bool skipping = false;
  LineScan first(*lines, "abcdef", false, skipping);
  CHECK(first.next() == "abc");
  CHECK(!first.next());
  CHECK(skipping);
  CHECK(first.position() == 6);
  LineScan second(*lines, "gh\nij\n", false, skipping);
  CHECK(second.next() == "ij");
  CHECK(!skipping);
}

TEST_CASE("lines: encodings") {
  CHECK(split({.encoding = "iso-8859-1"}, "caf\xe9\n") == "café/");
  CHECK(split({.encoding = "utf-16le"}, std::string_view(" \0a\0\r\0\n\0\x0a\x01\n\0", 12)) == "a|\u010a/");
  CHECK(split({.encoding = "utf-16be"}, std::string_view("\0a\0\n", 4)) == "a/");
  auto utf16 = [](std::u16string_view text) { return std::string(reinterpret_cast<const char*>(text.data()), text.size() * 2); };
  CHECK(split({.encoding = "utf-16le", .multiline = {.line_start_pattern = "^#"}}, utf16(u"x\n#1 é😀\n日\n#2\n#3")).starts_with("x|#1 é😀\n日|#2/#"));
  CHECK(split({.encoding = "utf-16le", .multiline = {.line_end_pattern = ";", .omit_pattern = true}}, utf16(u"a😀;\n日;c")).starts_with("a😀|日/c"));
  CHECK(split({.encoding = "utf-16le", .multiline = {.line_end_pattern = ";"}, .max_size = 4}, utf16(u"abc;d;")) == "ab|c;|d;/");
  CHECK(split({.encoding = "gbk"}, "\xc4\xe3\n") == "你/");
  CHECK(split({}, "a\xff\xfe\n") == "a\uFFFD\uFFFD/");
  // The beginning of a character is replaced as a whole.
  CHECK(split({}, "a\xe2\x82" "b\xf0\x9f\x98\n\xe2\x82\xc3\n") == "a\uFFFD" "b\uFFFD|\uFFFD\uFFFD/");
  CHECK(split({}, "\xed\xa0\x80|\xc0\x80|\xe2\xe2\x82\xac\n") == "\uFFFD\uFFFD\uFFFD|\uFFFD\uFFFD|\uFFFD€/");
  CHECK(!Lines::make({.encoding = "klingon"}));
  CHECK(!Lines::make({.multiline = {.line_start_pattern = "a", .line_end_pattern = "b"}}));
}
