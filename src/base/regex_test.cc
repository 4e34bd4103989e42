#include "base/regex.h"

#include <doctest/doctest.h>

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
