#include "components/shared/stanza/container.h"

#include <cstring>

namespace weir::stanza {
namespace {

bool digits(const char* p, std::size_t n, int& out) {
  out = 0;
  for (std::size_t i = 0; i < n; ++i) {
    unsigned d = static_cast<unsigned char>(p[i]) - '0';
    if (d > 9) return false;
    out = out * 10 + static_cast<int>(d);
  }
  return true;
}

// Days since 1970-01-01 of a date from 1970 on.
std::int64_t days_since_1970(int year, int month, int day) {
  int y = month <= 2 ? year - 1 : year;
  int shifted = (month + 9) % 12;
  int era = y / 400, of_era = y - era * 400;
  int of_year = (153 * shifted + 2) / 5 + day - 1;
  return std::int64_t{era} * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

int days_in(int year, int month) {
  constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : days[month - 1];
}

}  // namespace

bool read_cri(std::string_view line, CriKind kind, CriLine& out) {
  std::size_t space = line.find(' ');
  if (space == line.npos || space == 0) return false;
  out.time = line.substr(0, space);
  // Nothing but the last letter is a Z, if there is one.
  std::size_t z = out.time.find('Z');
  if (kind == CriKind::crio ? z != out.time.npos : space < 2 || z != space - 1 || out.time.contains('^')) return false;
  std::string_view rest = line.substr(space + 1);
  if (!rest.starts_with("stdout ") && !rest.starts_with("stderr ")) return false;
  out.stream = rest.substr(0, 6);
  rest.remove_prefix(7);
  std::size_t end = std::min(rest.find(' '), rest.size());
  out.tag = rest.substr(0, end);
  out.text = rest.substr(std::min(end + 1, rest.size()));
  return !out.text.contains('\n');
}

std::optional<std::int64_t> read_rfc3339(std::string_view text) {
  const char* p = text.data();
  int year, month, day, hour, minute, second;
  if (text.size() < 20 || !digits(p, 4, year) || p[4] != '-' || !digits(p + 5, 2, month) || p[7] != '-' || !digits(p + 8, 2, day) || p[10] != 'T' ||
      !digits(p + 11, 2, hour) || p[13] != ':' || !digits(p + 14, 2, minute) || p[16] != ':' || !digits(p + 17, 2, second))
    return {};
  if (year < 1970 || year > 2261 || month < 1 || month > 12 || day < 1 || day > days_in(year, month) || hour > 23 || minute > 59 || second > 59) return {};
  std::size_t at = 19;
  std::int64_t nanos = 0;
  if (text[at] == '.') {
    std::int64_t unit = 100'000'000;
    std::size_t begin = ++at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10) nanos += (text[at] - '0') * unit;
    if (at == begin) return {};
  }
  int offset = 0;
  std::string_view zone = text.substr(at);
  if (zone != "Z") {
    int zone_hours, zone_minutes;
    if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || !digits(zone.data() + 1, 2, zone_hours) || zone[3] != ':' ||
        !digits(zone.data() + 4, 2, zone_minutes) || zone_hours > 23 || zone_minutes > 59)
      return {};
    offset = (zone_hours * 60 + zone_minutes) * (zone[0] == '-' ? -60 : 60);
  }
  std::int64_t seconds = days_since_1970(year, month, day) * 86'400 + hour * 3'600 + minute * 60 + second - offset;
  return seconds * 1'000'000'000 + nanos;
}

}  // namespace weir::stanza
