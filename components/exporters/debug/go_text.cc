#include "components/exporters/debug/go_text.h"

#include <charconv>
#include <cmath>

namespace weir::exporters::debug {
namespace {

std::string special(double value) { return std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf"; }

}  // namespace

std::string shortest(double value) {
  if (!std::isfinite(value)) return special(value);
  double size = std::fabs(value);
  bool exponent = size != 0 && (size < 1e-4 || size >= 1e21);
  std::array<char, 64> buffer;
  auto format = exponent ? std::chars_format::scientific : std::chars_format::fixed;
  auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format).ptr;
  return {buffer.data(), end};
}

std::string fixed(double value) { return std::isfinite(value) ? fmt::format("{:.6f}", value) : special(value); }

std::string time_text(UnixNanos time) {
  std::string out = format_rfc3339(time);
  out[10] = ' ';
  out.pop_back();
  return out + " +0000 UTC";
}

}  // namespace weir::exporters::debug
