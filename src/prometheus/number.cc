#include "prometheus/number.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <string_view>

namespace weir::prometheus {
namespace {

constexpr std::uint64_t stale_bits = 0x7ff0000000000002;

std::string_view not_finite(double value) {
  if (std::isnan(value)) return "NaN";
  return value > 0 ? "+Inf" : "-Inf";
}

}  // namespace

void append_number(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += not_finite(value);
    return;
  }
  if (value == 0) {  // also -0
    out += '0';
    return;
  }
  std::array<char, 400> buffer;
  double size = std::fabs(value);
  bool exponent = size < 1e-4 || size >= 1e6;
  auto format = exponent ? std::chars_format::scientific : std::chars_format::fixed;
  out.append(buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format).ptr);
}

void append_openmetrics_number(std::string& out, double value) {
  std::size_t at = out.size();
  append_number(out, value);
  if (std::isfinite(value) && out.find_first_of("e.", at) == out.npos) out += ".0";
}

std::string plain_number(double value) {
  if (!std::isfinite(value)) return std::string(not_finite(value));
  std::array<char, 800> buffer;  // 1.8e308 has 309 digits, 5e-324 has 326
  // From 2^53 on the shortest digits end left of the point, where to_chars would write all that the number has.
  auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific).ptr;
  std::string_view text(buffer.data(), end);
  auto e = text.find('e');
  int exponent = 0;
  const char* from = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(from, end, exponent);
  std::string out = text.starts_with('-') ? "-" : "", digits;
  for (char c : text.substr(0, e))
    if (c >= '0' && c <= '9') digits += c;
  int point = exponent + 1;
  if (point <= 0) return out + "0." + std::string(static_cast<std::size_t>(-point), '0') + digits;
  auto whole = static_cast<std::size_t>(point);
  if (digits.size() <= whole) return out + digits + std::string(whole - digits.size(), '0');
  return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

double stale_marker() { return std::bit_cast<double>(stale_bits); }
bool is_stale_marker(double value) { return std::bit_cast<std::uint64_t>(value) == stale_bits; }

}  // namespace weir::prometheus
