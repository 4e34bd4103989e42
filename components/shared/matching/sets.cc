#include "components/shared/matching/sets.h"

#include <charconv>

#include "components/shared/matching/constant.h"

namespace weir::matching {

namespace {

// strconv.FormatFloat(value, 'f', -1, 64): the fewest digits that read back as the same number, then zeros.
char* print(double value, Digits& digits) {
  char* last = digits.data() + digits.size();
  if (std::abs(value) < 1e17) return std::to_chars(digits.data(), last, value, std::chars_format::fixed).ptr;
  std::array<char, 32> shortest;
  auto [end, error] = std::to_chars(shortest.data(), shortest.data() + shortest.size(), value, std::chars_format::scientific);
  char* out = digits.data();
  const char* c = shortest.data();
  for (; *c != 'e'; ++c)
    if (*c != '.') *out++ = *c;
  int exponent = 0;
  std::from_chars(c + 2, end, exponent);
  char* to = digits.data() + (value < 0) + exponent + 1;
  std::fill(out, to, '0');
  return to;
}

}  // namespace

std::optional<std::string_view> text_of(const otlp::Value& value, Digits& digits) {
  switch (value.type) {
    case otlp::ValueType::string: return value.text;
    case otlp::ValueType::boolean: return value.boolean ? "true" : "false";
    case otlp::ValueType::integer: return std::string_view(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value.integer).ptr);
    case otlp::ValueType::real:
      if (std::isnan(value.real)) return "NaN";
      if (std::isinf(value.real)) return value.real > 0 ? "+Inf" : "-Inf";
      return std::string_view(digits.data(), print(value.real, digits));
    default: return {};
  }
}

namespace {

Result<> only_text(const AttributeRule& rule) {
  if (rule.value.kind() == config::Value::Kind::string) return {};
  return fail(Errc::config, "match_type regexp needs a string as value of '{}', got {}", rule.key, rule.value.describe());
}

}  // namespace

Result<TextSet> TextSet::make(MatchType type, std::span<const std::string> entries) {
  TextSet out;
  if (type == MatchType::strict) {
    out.texts_.assign(entries.begin(), entries.end());
    std::sort(out.texts_.begin(), out.texts_.end());
    return out;
  }
  for (auto& entry : entries) {
    WEIR_ASSIGN(Regex regex, Regex::compile(entry));
    out.regexes_.push_back(std::move(regex));
  }
  return out;
}

bool TextSet::matches(std::string_view text) const {
  if (empty()) return true;
  if (!texts_.empty()) return std::binary_search(texts_.begin(), texts_.end(), text, std::less<>());
  return std::any_of(regexes_.begin(), regexes_.end(), [&](const Regex& regex) { return regex.matches(text); });
}

Result<AttributeSet> AttributeSet::make(MatchType type, std::span<const AttributeRule> rules) {
  AttributeSet out;
  for (auto& rule : rules) {
    if (rule.key.empty()) return fail(Errc::config, "can't have empty key in the list of attributes");
    Rule made{rule.key, {}, {}};
    if (rule.value.is_null()) {
      // Any value will do.
    } else if (type == MatchType::strict) {
      made.value = to_otlp(rule.value, out.constants_);
    } else {
      WEIR_TRY(only_text(rule));
      WEIR_ASSIGN(made.regex, Regex::compile(rule.value.text()));
    }
    out.rules_.push_back(std::move(made));
  }
  return out;
}

bool AttributeSet::matches(const Rule& rule, const otlp::Value& value) {
  if (rule.value) return otlp::equal(*rule.value, value);
  if (!rule.regex) return true;
  Digits digits;
  auto text = text_of(value, digits);
  return text && rule.regex->matches(*text);
}

bool AttributeSet::matches(const otlp::Attributes& attributes) const {
  return std::all_of(rules_.begin(), rules_.end(), [&](const Rule& rule) {
    const otlp::Value* value = attributes.find(rule.key);
    return value != nullptr && matches(rule, *value);
  });
}

}  // namespace weir::matching
