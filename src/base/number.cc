#include "base/number.h"

#include <charconv>
#include <cmath>

#include "base/text.h"

namespace weir {
namespace {

bool is_digit(char c, bool hex) {
  char lower = static_cast<char>(c | 0x20);
  return (c >= '0' && c <= '9') || (hex && lower >= 'a' && lower <= 'f');
}

// Takes '_' out of `text`; false when one is not between digits (the 0x counts as one).
bool strip_underscores(std::string_view text, bool hex, std::string& out) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
      continue;
    }
    bool behind_digit = i == 0 ? hex : is_digit(text[i - 1], hex);
    if (!behind_digit || i + 1 == text.size() || !is_digit(text[i + 1], hex)) return false;
  }
  return true;
}

bool take_sign(std::string_view& text) {
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  return negative;
}

std::optional<double> parse_special(std::string_view text) {
  if (equal_ignore_case(text, "inf") || equal_ignore_case(text, "infinity")) return std::numeric_limits<double>::infinity();
  if (equal_ignore_case(text, "nan")) return std::numeric_limits<double>::quiet_NaN();
  return {};
}

}  // namespace

std::optional<std::int64_t> parse_go_int(std::string_view text) {
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return {};
  }
  std::int64_t value;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return value;
}

std::optional<double> parse_go_double(std::string_view text) {
  bool negative = take_sign(text);
  if (auto special = parse_special(text)) return negative ? -*special : *special;
  bool hex = text.size() > 2 && text[0] == '0' && (text[1] | 0x20) == 'x';
  if (hex) text.remove_prefix(2);
  std::string digits;
  if (!strip_underscores(text, hex, digits)) return {};
  if (digits.empty() || !(is_digit(digits[0], hex) || digits[0] == '.')) return {};
  if (hex && digits.find_first_of("pP") == digits.npos) return {};
  double value = 0;
  auto format = hex ? std::chars_format::hex : std::chars_format::general;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, format);
  if (error == std::errc::result_out_of_range) {
    // Too small is zero or denormal, which is fine.
    value = std::strtod((hex ? "0x" + digits : digits).c_str(), nullptr);
    if (std::isinf(value)) return {};
  } else if (error != std::errc{}) {
    return {};
  }
  if (end != digits.data() + digits.size()) return {};
  return negative ? -value : value;
}

std::int64_t go_int_of(double value) {
  if (!(value >= -9223372036854775808.0 && value < 9223372036854775808.0)) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(value);
}

}  // namespace weir
