#include "base/rfc3339.h"

#include <charconv>
#include <chrono>

namespace weir {
namespace {

bool read_digits(std::string_view text, std::size_t at, std::size_t n, int& out) {
  if (at + n > text.size()) return false;
  auto [end, error] = std::from_chars(text.data() + at, text.data() + at + n, out);
  return error == std::errc() && end == text.data() + at + n && text[at] != '-';
}

// Seconds east of UTC.
std::optional<std::int64_t> read_offset(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  int hours, minutes;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':' || !read_digits(text, 1, 2, hours) || !read_digits(text, 4, 2, minutes)) return std::nullopt;
  return (hours * 60 + minutes) * (text[0] == '-' ? -60 : 60);
}

}  // namespace

bool read_fraction(std::string_view& text, std::uint64_t& nanos) {
  nanos = 0;
  if (!text.starts_with('.')) return true;
  text.remove_prefix(1);
  std::uint64_t unit = 100'000'000;
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits, unit /= 10) nanos += unit * static_cast<std::uint64_t>(text[digits] - '0');
  text.remove_prefix(digits);
  return digits > 0;
}

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
  int year, month, day, hour, minute, seconds;
  if (!read_digits(text, 0, 4, year) || !read_digits(text, 5, 2, month) || !read_digits(text, 8, 2, day) || !read_digits(text, 11, 2, hour) ||
      !read_digits(text, 14, 2, minute) || !read_digits(text, 17, 2, seconds) || text[4] != '-' || text[7] != '-' || (text[10] | 0x20) != 't' ||
      text[13] != ':' || text[16] != ':')
    return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)), std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || seconds > 60) return std::nullopt;
  std::string_view rest = text.substr(19);
  std::uint64_t nanos;
  if (!read_fraction(rest, nanos)) return std::nullopt;
  auto offset = read_offset(rest);
  if (!offset) return std::nullopt;
  std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  std::int64_t whole = days * 86'400 + hour * 3600 + minute * 60 + seconds - *offset;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(whole) * 1'000'000'000 + nanos);
}

}  // namespace weir
