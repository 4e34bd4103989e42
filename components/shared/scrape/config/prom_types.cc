#include "components/shared/scrape/config/prom_types.h"

#include <charconv>
#include <cmath>

#include "base/text.h"

namespace weir::scrape {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t ms;
  bool exact;  // printed only when nothing is left
};
constexpr std::int64_t day = 24LL * 3600 * 1000;
constexpr Unit units[] = {{"y", 365 * day, true}, {"w", 7 * day, true}, {"d", day, false}, {"h", 3600 * 1000, false}, {"m", 60 * 1000, false}, {"s", 1000, false}, {"ms", 1, false}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t digits_at_front(std::string_view text) {
  std::size_t n = 0;
  while (n < text.size() && is_digit(text[n])) ++n;
  return n;
}

}  // namespace

Result<Duration> parse_prom_duration(std::string_view text) {
  if (text == "0") return Duration{0};
  auto wrong = [&] { return fail(Errc::config, "not a valid duration string: \"{}\"", text); };
  if (text.empty()) return fail(Errc::config, "empty duration string");
  __int128 total = 0;
  std::size_t next_unit = 0;
  for (std::string_view left = text; !left.empty();) {
    std::size_t n = digits_at_front(left), m = n;
    while (m < left.size() && !is_digit(left[m])) ++m;
    std::int64_t number = 0;
    auto [end, error] = std::from_chars(left.data(), left.data() + n, number);
    if (n == 0 || m == n || error != std::errc{}) return wrong();
    std::string_view name = left.substr(n, m - n);
    auto unit = std::find_if(std::begin(units), std::end(units), [&](const Unit& u) { return u.name == name; });
    if (unit == std::end(units)) return fail(Errc::config, "unknown unit \"{}\" in duration \"{}\"", name, text);
    auto place = static_cast<std::size_t>(unit - std::begin(units));
    if (place < next_unit) return wrong();
    next_unit = place + 1;
    total += static_cast<__int128>(number) * unit->ms * 1'000'000;
    if (total > std::numeric_limits<std::int64_t>::max()) return fail(Errc::config, "duration out of range");
    left.remove_prefix(m);
  }
  return Duration{static_cast<std::int64_t>(total)};
}

std::string format_prom_duration(Duration duration) {
  std::int64_t ms = duration.count() / 1'000'000;
  if (ms == 0) return "0s";
  std::string out;
  for (const Unit& unit : units) {
    if (unit.exact && ms % unit.ms != 0) continue;
    if (ms < unit.ms) continue;
    out += fmt::format("{}{}", ms / unit.ms, unit.name);
    ms %= unit.ms;
  }
  return out;
}

Result<PromDuration> PromDuration::decode(const config::Value& value, config::Context&) {
  if (!value.is_scalar()) return fail(Errc::config, "expected a duration such as 30s, not {}", value.describe());
  WEIR_ASSIGN(Duration parsed, parse_prom_duration(value.text()));
  return PromDuration{parsed};
}

Result<PromBytes> PromBytes::decode(const config::Value& value, config::Context&) {
  auto wrong = [&] { return fail(Errc::config, "expected a size such as 10MB, not {}", value.describe()); };
  if (!value.is_scalar()) return wrong();
  std::string_view text = value.text();
  std::size_t n = digits_at_front(text);
  std::uint64_t number = 0;
  if (n == 0 || std::from_chars(text.data(), text.data() + n, number).ec != std::errc{}) return wrong();
  std::size_t whole = n;
  if (n < text.size() && text[n] == '.') n += 1 + digits_at_front(text.substr(n + 1));
  double fraction = 0;
  std::from_chars(text.data() + whole, text.data() + n, fraction);
  std::string unit = to_lower(text.substr(n));
  if (unit.ends_with("ib")) unit.erase(unit.size() - 2, 1);
  constexpr std::string_view names[] = {"b", "kb", "mb", "gb", "tb", "pb"};
  auto at = unit.empty() ? std::begin(names) : std::find(std::begin(names), std::end(names), unit);
  if (at == std::end(names)) return wrong();
  auto shift = 10 * (at - std::begin(names));
  if (number > (std::numeric_limits<std::uint64_t>::max() >> shift)) return wrong();
  auto rest = static_cast<std::uint64_t>(std::ldexp(fraction, static_cast<int>(shift)));
  return PromBytes{(number << shift) + rest};
}

}  // namespace weir::scrape
