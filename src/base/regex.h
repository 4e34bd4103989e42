#pragma once
// Regular expressions as the collector has them: RE2, compiled once, matched in linear time.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace re2 {
class RE2;
}

namespace weir {

// What most patterns come down to: a text that is looked for somewhere or at an end, perhaps with `.*` behind it.
class PlainPattern {
 public:
  // `^text.*$` in whole or in part; another pattern is left to RE2.
  explicit PlainPattern(std::string_view pattern);
  enum class Answer : std::uint8_t { no, yes, unknown };
  // Whether it is found in the text; unknown when the pattern is left to RE2.
  Answer found_in(std::string_view text) const;

 private:
  enum class Form : std::uint8_t { other, inside, front, back, all, line };
  Form form_ = Form::other;
  std::string text_;
};

// A text to look in, made ready once for many finds. Borrows the text.
// As in Go a byte that is not UTF-8 is one character, U+FFFD. RE2 would match it with nothing, so it gets a text in which those bytes are
// replaced; places are those of the text as it was given.
class RegexText {
 public:
  RegexText(std::string_view text);  // NOLINT(google-explicit-constructor): any text is one
  RegexText(const RegexText&) = delete;
  RegexText& operator=(const RegexText&) = delete;

  // Never with a null pointer: groups tell "matched nothing" from "took no part" by theirs.
  std::string_view text() const { return text_; }

 private:
  friend class Regex;
  std::string_view valid() const { return wrong_.empty() ? text_ : std::string_view(mended_); }
  std::size_t to_valid(std::size_t at) const;
  std::size_t from_valid(std::size_t at) const;

  std::string_view text_;
  std::string mended_;
  std::vector<std::size_t> wrong_;  // where in text_ the replaced bytes are
};

// Move-only. Matching is safe from every core, but cores that share one share its cache's lock: compile one for each.
class Regex {
 public:
  // Also takes (?<name>…), which Go has and RE2 only in newer releases. Errc::config with the reason.
  static Result<Regex> compile(std::string_view pattern);
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  // Anywhere in the text.
  bool matches(std::string_view text) const;
  bool matches_all(std::string_view text) const;
  // The leftmost match at or behind `start`: groups[0] is all of it, groups that took no part are empty views with a
  // null pointer. At most 1 + groups() are filled.
  bool find(const RegexText& subject, std::size_t start, std::span<std::string_view> groups) const;

  std::size_t groups() const;
  // Of groups 1 to groups(); "" for those without a name.
  std::vector<std::string> group_names() const;
  const std::string& pattern() const;

 private:
  explicit Regex(std::unique_ptr<re2::RE2> regex);
  std::unique_ptr<re2::RE2> regex_;
  PlainPattern plain_;
};

}  // namespace weir
