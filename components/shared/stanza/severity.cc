#include <charconv>

#include "base/text.h"
#include "components/shared/stanza/parsing.h"
#include "ottl/text/unicode.h"

namespace weir::stanza {
namespace {

using config::field;
using Numbers = std::map<std::string, std::int32_t, std::less<>>;

Numbers names_of_otel() {
  Numbers out;
  for (std::int32_t n = 1; n <= 24; ++n) {
    out[to_lower(severity_name(n))] = n;
    out[fmt::format("{}", n)] = n;
  }
  return out;
}

Numbers builtin(std::string_view preset) {
  if (preset == "none") return {};
  Numbers out = names_of_otel();
  if (preset == "otel" || preset == "aliases") return out;
  for (std::int32_t n = 0; n < 4; ++n) {
    std::string digit = n == 0 ? "" : fmt::format("{}", n + 1);
    out["warning" + digit] = 13 + n;
    out["err" + digit] = 17 + n;
  }
  return out;
}

constexpr std::int64_t most_words = 100'000;

Result<> add_range(Numbers& to, std::int32_t severity, std::int64_t from, std::int64_t until) {
  if (from > until) std::swap(from, until);
  if (until - from > most_words) return fail(Errc::config, "a range of more than {} numbers", most_words);
  for (std::int64_t i = from; i <= until; ++i) to[fmt::format("{}", i)] = severity;
  return {};
}

Result<> add_words(Numbers& to, std::int32_t severity, const config::Value& words) {
  using Kind = config::Value::Kind;
  if (words.kind() == Kind::integer) return to[fmt::format("{}", words.as_int())] = severity, Result<>{};
  if (words.kind() == Kind::string) {
    std::string_view text = words.text();
    if (text.size() == 3 && text.ends_with("xx") && text[0] >= '2' && text[0] <= '5')
      return add_range(to, severity, (text[0] - '0') * 100, (text[0] - '0') * 100 + 99);
    return to[ottl::to_lower_case(text)] = severity, Result<>{};
  }
  if (words.is_list()) {
    for (auto& word : words.items()) {
      if (word.is_list()) return fail(Errc::config, "a list within a list cannot be parsed as a severity");
      WEIR_TRY(add_words(to, severity, word));
    }
    return {};
  }
  const config::Value *min = words.get("min"), *max = words.get("max");
  if (min && max && min->kind() == Kind::integer && max->kind() == Kind::integer) return add_range(to, severity, min->as_int(), max->as_int());
  return fail(Errc::config, "{} cannot be parsed as a severity", words.describe());
}

}  // namespace

std::span<const config::FieldInfo> SeverityConfig::fields() {
  static const std::array rows{
      field<&SeverityConfig::parse_from>("parse_from", "The field that says how severe it is."),
      field<&SeverityConfig::preset>("preset", "Words that are known from the start: default, otel or none.", {.choices = "default|none|otel|aliases"}),
      field<&SeverityConfig::mapping>("mapping", "Severities (trace to fatal4), and the words, numbers, ranges {min, max} and classes (4xx) that mean them."),
      field<&SeverityConfig::overwrite_text>("overwrite_text", "The severity's text becomes its name, instead of what was read."),
  };
  return rows;
}

Result<SeverityReader> SeverityReader::make(const SeverityConfig& config) {
  SeverityReader out;
  if (config.parse_from.empty()) return fail(Errc::config, "severity: missing required field 'parse_from'");
  out.from_ = config.parse_from;
  out.overwrite_text_ = config.overwrite_text;
  out.numbers_ = builtin(config.preset);
  static const Numbers names = names_of_otel();
  for (auto& [name, words] : config.mapping) {
    auto known = names.find(to_lower(name));
    if (words.is_null()) continue;
    WEIR_TRY(add_words(out.numbers_, known == names.end() ? 0 : known->second, words));
  }
  return out;
}

std::int32_t SeverityReader::number_of(std::string_view word) const {
  // Most words are short and need no lower case.
  auto found = numbers_.find(word);
  if (found == numbers_.end()) found = numbers_.find(ottl::to_lower_case(word));
  return found == numbers_.end() ? 0 : found->second;
}

Result<> SeverityReader::read(Entry& entry, Run& run) const {
  Value value;
  if (!from_.get(entry, run.arena, value)) return fail(Errc::permanent, "log entry does not have the expected parse_from field {}", from_.to_string());
  std::string_view text;
  switch (value.type) {
    case ValueType::string:
    case ValueType::bytes: text = value.text; break;
    case ValueType::integer: text = run.arena.copy(fmt::format("{}", value.integer)); break;
    case ValueType::real:
      if (value.real != std::floor(value.real) || std::abs(value.real) > 1e18)
        return fail(Errc::permanent, "parse: type float64 cannot be a severity unless it is a whole number");
      text = run.arena.copy(fmt::format("{}", static_cast<std::int64_t>(value.real)));
      break;
    default: return fail(Errc::permanent, "parse: type {} cannot be a severity", type_name(value));
  }
  entry.severity = number_of(text);
  entry.severity_text = overwrite_text_ && entry.severity != 0 ? severity_name(entry.severity) : text;
  return {};
}

}  // namespace weir::stanza
