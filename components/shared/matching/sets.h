#pragma once
// Sets that texts, attributes and severities are tested against. Compiled once; testing allocates nothing.
#include "base/regex.h"
#include "components/shared/matching/properties.h"
#include "otlp/model.h"

namespace weir::matching {

// Room for a double written out without an exponent.
using Digits = std::array<char, 352>;
// A string, number or boolean as the Go collector's strconv writes it; nothing of bytes, arrays, maps and empty values.
std::optional<std::string_view> text_of(const otlp::Value& value, Digits& digits);

// Texts, one of which must match: equal, or found anywhere in it by a regular expression.
class TextSet {
 public:
  // An empty set, which matches everything; see empty().
  TextSet() = default;
  static Result<TextSet> make(MatchType type, std::span<const std::string> entries);
  bool empty() const { return texts_.empty() && regexes_.empty(); }
  bool matches(std::string_view text) const;

 private:
  std::vector<std::string> texts_;  // sorted
  std::vector<Regex> regexes_;
};

// Attributes, all of which must be there; those with a value must have it.
class AttributeSet {
 public:
  AttributeSet() = default;
  static Result<AttributeSet> make(MatchType type, std::span<const AttributeRule> rules);
  bool empty() const { return rules_.empty(); }
  bool matches(const otlp::Attributes& attributes) const;

 private:
  struct Rule {
    std::string key;
    std::optional<otlp::Value> value;  // strict: of this type and content
    std::optional<Regex> regex;        // regexp: found in the text of a string, number or boolean
  };
  static bool matches(const Rule& rule, const otlp::Value& value);

  std::vector<Rule> rules_;
  Arena constants_;
};

// Records without a severity match by `match_undefined` alone.
inline bool matches(const SeverityRule& rule, std::int32_t severity_number) {
  return severity_number == 0 ? rule.match_undefined : severity_number >= rule.min;
}

}  // namespace weir::matching
