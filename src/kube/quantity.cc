#include "kube/quantity.h"

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace weir::kube {

std::optional<double> parse_quantity(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::size_t digits = text.find_first_not_of("-0123456789.");
  std::string_view number = text.substr(0, digits), suffix = digits == text.npos ? std::string_view() : text.substr(digits);
  double value = 0;
  auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || end != number.data() + number.size()) return std::nullopt;
  constexpr std::array units = {std::pair("", 1.0), std::pair("n", 1e-9), std::pair("u", 1e-6), std::pair("m", 1e-3), std::pair("k", 1e3), std::pair("M", 1e6), std::pair("G", 1e9),
                                std::pair("T", 1e12), std::pair("P", 1e15), std::pair("E", 1e18), std::pair("Ki", 0x1p10), std::pair("Mi", 0x1p20), std::pair("Gi", 0x1p30),
                                std::pair("Ti", 0x1p40), std::pair("Pi", 0x1p50), std::pair("Ei", 0x1p60)};
  for (auto [name, factor] : units)
    if (suffix == name) return value * factor;
  if (suffix.size() < 2 || (suffix[0] != 'e' && suffix[0] != 'E')) return std::nullopt;
  suffix.remove_prefix(suffix[1] == '+' ? 2 : 1);
  int exponent = 0;
  auto [last, wrong] = std::from_chars(suffix.data(), suffix.data() + suffix.size(), exponent);
  if (wrong != std::errc{} || last != suffix.data() + suffix.size() || std::abs(exponent) > 300) return std::nullopt;
  return value * std::pow(10, exponent);
}

}  // namespace weir::kube
