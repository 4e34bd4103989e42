#pragma once
// Dates and clock times of a point in time, and how Go writes them.
#include <string>

#include "ottl/value.h"

namespace weir::ottl {

struct Civil {
  std::int64_t year = 1970;
  int month = 1, day = 1, hour = 0, minute = 0, second = 0;
  int weekday = 4;  // 0 is Sunday
};

Civil civil_from(const Time& time);
// Seconds since 1970-01-01 of a date and time without zone. Fields outside their range carry over.
std::int64_t seconds_from(const Civil& civil);
int days_in_month(std::int64_t year, int month);

// "2023-11-14T22:13:20.5+02:00"
std::string format_rfc3339(const Time& time);
// "2023-11-14 22:13:20.5 +0200 CEST", Go's Time.String.
std::string go_time_text(const Value& time);
// ±hh:mm, ±hhmm, ±hh:mm:ss …: the sign, then parts joined by `colon`.
std::string format_offset(int offset, std::string_view colon, int parts);

}  // namespace weir::ottl
