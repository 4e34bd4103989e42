#include "base/regex.h"

#include <doctest/doctest.h>
#include <re2/re2.h>

using namespace weir;

namespace {

bool found(std::string_view pattern, std::string_view text) {
  auto regex = Regex::compile(pattern);
  REQUIRE_MESSAGE(regex.has_value(), pattern);
  return regex->matches(text);
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
      CHECK(regex->matches(text) == re2::RE2::PartialMatch(std::string(text), expected));
      told += PlainPattern(pattern).found_in(text) != PlainPattern::Answer::unknown;
    }
    CHECK(regex->matches({}) == regex->matches(""));
  }
  CHECK(told > 700);
}

TEST_CASE("regex: an anchored text needs no RE2 unless what follows is not ASCII") {
  using enum PlainPattern::Answer;
  PlainPattern line("^kube-probe.*$");
  CHECK(line.found_in("kube-probe/1.29") == yes);
  CHECK(line.found_in("kube-prob") == no);
  CHECK(line.found_in("kube-probe\n") == no);
  CHECK(line.found_in("kube-probe \u00fc") == unknown);
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
    REQUIRE(regex->find("a node-17", 0, groups));
    CHECK(groups[0] == "node-17");
    CHECK(groups[1] == "node");
    CHECK(groups[2] == "17");
    CHECK(groups[3].data() == nullptr);
    CHECK_FALSE(regex->find("a node-17", 7, groups));
  }
}

TEST_CASE("regex: only a group's name is rewritten") {
  CHECK(found("\\(?<x>", "(<x>"));
  CHECK(found("[(?<x>]+$", "?<"));
  CHECK(found("[]()?<a>]", "]"));
  CHECK(found("\\Q(?<a>\\E", "(?<a>"));
  CHECK(found("\\Q(?<a>", "(?<a>"));
}

TEST_CASE("regex: more groups than the stack holds") {
  std::string pattern, text;
  for (int i = 0; i < 40; ++i) {
    pattern += "(.)";
    text += static_cast<char>('0' + i);
  }
  auto regex = Regex::compile(pattern);
  std::vector<std::string_view> groups(41);
  REQUIRE(regex->find(text, 0, groups));
  CHECK(groups[40] == text.substr(39));
}

TEST_CASE("regex: a wrong pattern says why") {
  auto wrong = Regex::compile("a(b");
  REQUIRE_FALSE(wrong.has_value());
  CHECK(wrong.error().code == Errc::config);
  CHECK(wrong.error().what == "invalid regular expression 'a(b': missing ): a(b");
}
