#include "ottl/time/civil.h"

namespace weir::ottl {
namespace {

// Days since 1970-01-01 and back, by eras of 400 years (proleptic Gregorian calendar).
std::int64_t days_from(std::int64_t year, int month, int day) {
  year -= month <= 2;
  std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  auto of_era = static_cast<std::int64_t>(year - era * 400);
  std::int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

std::string fraction(std::int32_t nanos) {
  if (nanos == 0) return "";
  std::string out = fmt::format(".{:09}", nanos);
  while (out.back() == '0') out.pop_back();
  return out;
}

}  // namespace

Civil civil_from(const Time& time) {
  std::int64_t seconds = time.seconds + time.offset;
  std::int64_t days = seconds / 86'400, rest = seconds % 86'400;
  if (rest < 0) rest += 86'400, --days;
  std::int64_t shifted = days + 719'468;
  std::int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
  std::int64_t of_era = shifted - era * 146'097;
  std::int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36'524 - of_era / 146'096) / 365;
  std::int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  std::int64_t month_index = (5 * of_year + 2) / 153;
  Civil out;
  out.day = static_cast<int>(of_year - (153 * month_index + 2) / 5 + 1);
  out.month = static_cast<int>(month_index < 10 ? month_index + 3 : month_index - 9);
  out.year = year_of_era + era * 400 + (out.month <= 2);
  out.hour = static_cast<int>(rest / 3600);
  out.minute = static_cast<int>(rest / 60 % 60);
  out.second = static_cast<int>(rest % 60);
  out.weekday = static_cast<int>(((days + 4) % 7 + 7) % 7);
  return out;
}

std::int64_t seconds_from(const Civil& c) {
  return days_from(c.year, c.month, c.day) * 86'400 + c.hour * 3600 + c.minute * 60 + c.second;
}

int days_in_month(std::int64_t year, int month) {
  constexpr std::array<int, 12> days = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return days[static_cast<std::size_t>(month - 1)] + (month == 2 && leap);
}

std::string format_offset(int offset, std::string_view colon, int parts) {
  int size = std::abs(offset);
  std::string out = fmt::format("{}{:02}", offset < 0 ? '-' : '+', size / 3600);
  if (parts > 1) out += fmt::format("{}{:02}", colon, size / 60 % 60);
  if (parts > 2) out += fmt::format("{}{:02}", colon, size % 60);
  return out;
}

std::string format_rfc3339(const Time& time) {
  Civil c = civil_from(time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}{}", c.year, c.month, c.day, c.hour, c.minute, c.second, fraction(time.nanos),
                     time.offset == 0 ? "Z" : format_offset(time.offset, ":", 2));
}

std::string go_time_text(const Value& value) {
  const Time& time = value.time;
  Civil c = civil_from(time);
  std::string offset = format_offset(time.offset, "", 2);
  std::string_view zone(value.zone, strnlen(value.zone, sizeof value.zone));
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}{} {} {}", c.year, c.month, c.day, c.hour, c.minute, c.second, fraction(time.nanos), offset,
                     zone.empty() ? std::string_view(offset) : zone);
}

}  // namespace weir::ottl
