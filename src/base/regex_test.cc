#include "base/regex.h"

#include <doctest/doctest.h>
#include <re2/re2.h>

#include "base/text.h"

using namespace weir;

namespace {

bool found(std::string_view pattern, std::string_view text) {
  auto regex = Regex::compile(pattern);
  REQUIRE_MESSAGE(regex.has_value(), pattern);
  return regex->matches(text);
}

// Go's view of a text: U+FFFD for each byte that is not UTF-8.
std::string with_replacements(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t n = 1;
    while (n <= 4 && i + n <= text.size() && !valid_utf8(text.substr(i, n))) ++n;
    bool valid = n <= 4 && i + n <= text.size();
    out += valid ? text.substr(i, n) : "\uFFFD";
    i += valid ? n : 1;
  }
  return out;
}

}  // namespace

TEST_CASE("regex: matching is unanchored unless the pattern says so") {
  CHECK(found("b", "abc"));
  CHECK_FALSE(found("^b", "abc"));
  CHECK(found("", ""));
  auto regex = Regex::compile("b+");
  CHECK(regex->matches_all("bbb"));
  CHECK_FALSE(regex->matches_all("abb"));
}

TEST_CASE("regex: what is told without RE2 is what RE2 tells") {
  constexpr std::string_view patterns[] = {
      "",      "^",      "$",        "^$",       ".*",       "^.*",     ".*$",         "^.*$",      "ab",     "^ab",     "ab$",
      "^ab$",  "ab.*",   "^ab.*",    "ab.*$",    "^ab.*$",   "a\\.b",  "^a\\.b.*$",   "\\^a",     "a\\$",  "a\\$$",  "^^a",
      "a$$",   "a*",     "^ab*",     "^a\\.*",   "ab+$",     "a?b",     "a{2}",        "^a.b",      "a|b",    "^a|b$",   "(ab)",
      "[ab]",  "a\\d",   "\\ba",     "^a\\n",    "\\Qa.b\\E", "(?i)ab",  "^\u00fc",      "^a.*b$",    "^ab.*?$", "^ab.+$", "a.*b",
      "^a{b",  "a-b/c_", "^a b",     "a\\\\b",   "^ab.*\\$",  "^ab.**$", "^.*ab",       "^ab\\z",   "^ab.*$.*", "\\Aab"};
  constexpr std::string_view texts[] = {
      "",        "a",      "b",        "ab",      "xab",       "abx",        "xabx",       "AB",        "a.b",      "a.bc",     "^a",
      "a$",      "a$b",    "aab",      "abb",     "aa",        "a1",         "ab\n",       "ab\nx",     "\nab",     "\n",       "x\nab",
      "ab\xff",  "\xff",   "ab\xc3\xbc", "\xc3\xbc", "\xff" "ab",   "ab\xc3",      "ab\xff\nx",   "ab\xe2\x82", "a\\b",    "a{b",      "a b",
      "a-b/c_d", "ab.x$",  "ab$",      "\xed\xa0\x80", "ab\xf0\x9f\x98\x80x", std::string_view("ab\0x", 4), std::string_view("a\0b", 3)};
  int told = 0;
  for (std::string_view pattern : patterns) {
    CAPTURE(pattern);
    re2::RE2::Options quiet;
    quiet.set_log_errors(false);
    re2::RE2 expected(std::string(pattern), quiet);
    auto regex = Regex::compile(pattern);
    REQUIRE(regex.has_value() == expected.ok());
    if (!regex) continue;
    for (std::string_view text : texts) {
      CAPTURE(text);
      CHECK(regex->matches(text) == re2::RE2::PartialMatch(with_replacements(text), expected));
      told += PlainPattern(pattern).found_in(text) != PlainPattern::Answer::unknown;
    }
    CHECK(regex->matches({}) == regex->matches(""));
  }
  CHECK(told > 700);
}

TEST_CASE("regex: an anchored text needs no RE2") {
  using enum PlainPattern::Answer;
  PlainPattern line("^kube-probe.*$");
  CHECK(line.found_in("kube-probe/1.29") == yes);
  CHECK(line.found_in("kube-prob") == no);
  CHECK(line.found_in("kube-probe\n") == no);
  CHECK(line.found_in("kube-probe \u00fc") == yes);
  CHECK(line.found_in("kube-probe \xff") == yes);
  CHECK(PlainPattern("^kube-probe").found_in("kube-probe \xff") == yes);
  CHECK(PlainPattern("a\\.b$").found_in("xa.b") == yes);
  CHECK(PlainPattern("ab*").found_in("ab") == unknown);
}

TEST_CASE("regex: groups by number and name, in both spellings") {
  for (std::string_view pattern : {"(?P<base>[a-z]+)-(?P<n>\\d+)(x)?", "(?<base>[a-z]+)-(?<n>\\d+)(x)?"}) {
    CAPTURE(pattern);
    auto regex = Regex::compile(pattern);
    REQUIRE(regex.has_value());
    CHECK(regex->groups() == 3);
    CHECK(regex->group_names() == std::vector<std::string>{"base", "n", ""});
    std::array<std::string_view, 4> groups;
    REQUIRE(regex->find(std::string_view("a node-17"), 0, groups));
    CHECK(groups[0] == "node-17");
    CHECK(groups[1] == "node");
    CHECK(groups[2] == "17");
    CHECK(groups[3].data() == nullptr);
    CHECK_FALSE(regex->find(std::string_view("a node-17"), 7, groups));
  }
}

TEST_CASE("regex: only a group's name is rewritten") {
  CHECK(found("\\(?<x>", "(<x>"));
  CHECK(found("[(?<x>]+$", "?<"));
  CHECK(found("[]()?<a>]", "]"));
  CHECK(found("\\Q(?<a>\\E", "(?<a>"));
  CHECK(found("\\Q(?<a>", "(?<a>"));
}

TEST_CASE("regex: a byte that is not UTF-8 is one character") {
  CHECK(found("^.$", "\xff"));
  CHECK(found("^..$", "\xe2\x82"));
  CHECK(found("[^a]", "a\xff"));
  CHECK(found("^\\W+$", "\xc3\xc3"));
  CHECK(found("\\x{FFFD}", "\xff"));
  CHECK(found("^.*$", "\xff\xfe"));
  CHECK_FALSE(found("^.*$", "\xff\n"));
  CHECK_FALSE(found("^a", "\xff" "a"));
  CHECK_FALSE(found("^...$", "\xff\xfe"));
  auto any = Regex::compile("..");
  CHECK(any->matches_all("\xff\xc3"));
  CHECK_FALSE(any->matches_all("\xff\xc3\xff"));
}

TEST_CASE("regex: places in a text that is not UTF-8 are those of its own bytes") {
  auto regex = Regex::compile("(.)(b)?([^a-z]*)$");
  std::string_view text = "\xff\u00fc\xfe" "a\xe2\x82\xff";
  RegexText subject(text);
  std::array<std::string_view, 4> groups;
  REQUIRE(regex->find(subject, 1, groups));
  CHECK(groups[0].data() == text.data() + 4);
  CHECK(groups[0] == text.substr(4));
  CHECK(groups[1] == "a");
  CHECK(groups[2].data() == nullptr);
  CHECK(groups[3] == "\xe2\x82\xff");
  REQUIRE(regex->find(subject, 6, groups));
  CHECK(groups[1] == "\x82");
  CHECK(groups[3] == "\xff");
  REQUIRE(Regex::compile("")->find(subject, text.size(), groups));
  CHECK(groups[0].data() == text.data() + text.size());
  CHECK_FALSE(regex->find(subject, text.size(), groups));
}

TEST_CASE("regex: more groups than the stack holds") {
  std::string pattern, text;
  for (int i = 0; i < 40; ++i) {
    pattern += "(.)";
    text += static_cast<char>('0' + i);
  }
  auto regex = Regex::compile(pattern);
  std::vector<std::string_view> groups(41);
  REQUIRE(regex->find(std::string_view(text), 0, groups));
  CHECK(groups[40] == text.substr(39));
}

TEST_CASE("regex: a wrong pattern says why") {
  auto wrong = Regex::compile("a(b");
  REQUIRE_FALSE(wrong.has_value());
  CHECK(wrong.error().code == Errc::config);
  CHECK(wrong.error().what == "invalid regular expression 'a(b': missing ): a(b");
}
