#include "base/number.h"

#include <bit>
#include <charconv>
#include <cmath>
#include <numbers>

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

std::string go_text_of(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  double size = std::abs(value);
  auto format = size != 0 && (size < 1e-4 || size >= 1e6) ? std::chars_format::scientific : std::chars_format::fixed;
  char buffer[32];
  auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value, format);
  return std::string(buffer, end);
}

std::int64_t go_int_of(double value) {
  if (!(value >= -9223372036854775808.0 && value < 9223372036854775808.0)) return std::numeric_limits<std::int64_t>::min();
  return static_cast<std::int64_t>(value);
}

// FreeBSD's e_log.c (Sun Microsystems, 1993): value = 2^k (1 + f) with 1 + f about sqrt(1/2) to sqrt(2), s = f / (2 + f), and
// log(1 + f) = f - f²/2 + s (f²/2 + R), where R is a polynomial in s². The order of operations is part of the answer.
double go_log(double value) {
  constexpr double ln2_high = 6.93147180369123816490e-01, ln2_low = 1.90821492927058770002e-10;
  constexpr double c1 = 6.666666666666735130e-01, c2 = 3.999999999940941908e-01, c3 = 2.857142874366239149e-01, c4 = 2.222219843214978396e-01,
                   c5 = 1.818357216161805012e-01, c6 = 1.531383769920937332e-01, c7 = 1.479819860511658591e-01;
  if (!std::isfinite(value)) return value;
  auto bits = std::bit_cast<std::uint64_t>(value);
  double k = static_cast<double>(static_cast<std::int64_t>(bits >> 52) - 0x3FE);
  auto part = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFFULL) | std::bit_cast<std::uint64_t>(0.5));
  if (part <= std::numbers::sqrt2 / 2) {
    part *= 2;
    k -= 1;
  }
  double f = part - 1, s = f / (2 + f), s2 = s * s, s4 = s2 * s2;
  double odd = s2 * (c1 + s4 * (c3 + s4 * (c5 + s4 * c7))), even = s4 * (c2 + s4 * (c4 + s4 * c6));
  double half_square = 0.5 * f * f;
  return k * ln2_high - ((half_square - (s * (half_square + (odd + even)) + k * ln2_low)) - f);
}

}  // namespace weir
