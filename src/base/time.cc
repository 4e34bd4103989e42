#include "base/time.h"

#include <ctime>

namespace weir {
namespace {

class SystemClock : public Clock {
 public:
  TimePoint now() const override {
    return TimePoint(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch()));
  }
  UnixNanos wall() const override {
    return static_cast<UnixNanos>(
        std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch()).count());
  }
};

struct Unit {
  std::string_view name;
  std::int64_t nanos;
};
// Longer names first where one is the beginning of another.
constexpr std::array<Unit, 8> units{{{"ns", 1},
                                     {"us", 1'000},
                                     {"µs", 1'000},
                                     {"μs", 1'000},
                                     {"ms", 1'000'000},
                                     {"s", 1'000'000'000},
                                     {"m", 60'000'000'000},
                                     {"h", 3'600'000'000'000}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

Result<Duration> parse_duration(std::string_view text) {
  std::string_view rest = text;
  bool negative = false;
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) {
    negative = rest[0] == '-';
    rest.remove_prefix(1);
  }
  if (rest == "0") return Duration{0};
  if (rest.empty()) return fail(Errc::config, "invalid duration '{}'", text);
  __int128 total = 0;
  while (!rest.empty()) {
    __int128 whole = 0, fraction = 0, scale = 1;
    std::size_t digits = 0, i = 0;
    for (; i < rest.size() && is_digit(rest[i]); ++i, ++digits)
      if (whole < (__int128{1} << 70)) whole = whole * 10 + (rest[i] - '0');
    if (i < rest.size() && rest[i] == '.')
      for (++i; i < rest.size() && is_digit(rest[i]); ++i, ++digits)
        if (scale < 1'000'000'000'000'000'000) {
          fraction = fraction * 10 + (rest[i] - '0');
          scale *= 10;
        }
    if (digits == 0) return fail(Errc::config, "invalid duration '{}'", text);
    std::size_t end = i;
    while (end < rest.size() && !is_digit(rest[end]) && rest[end] != '.') ++end;
    std::string_view name = rest.substr(i, end - i);
    if (name.empty()) return fail(Errc::config, "missing unit in duration '{}'", text);
    auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == name; });
    if (unit == units.end()) return fail(Errc::config, "unknown unit '{}' in '{}'", name, text);
    total += whole * unit->nanos + fraction * unit->nanos / scale;
    if (total > std::numeric_limits<std::int64_t>::max()) return fail(Errc::config, "duration '{}' is too large", text);
    rest.remove_prefix(end);
  }
  return Duration{static_cast<std::int64_t>(negative ? -total : total)};
}

std::string format_duration(Duration d) {
  std::int64_t n = d.count();
  if (n == 0) return "0s";
  std::string out;
  std::uint64_t u = n < 0 ? ~static_cast<std::uint64_t>(n) + 1 : static_cast<std::uint64_t>(n);
  if (n < 0) out = "-";
  auto decimal = [](std::uint64_t value, std::uint64_t unit) {
    std::string text = fmt::format("{}", value / unit);
    std::uint64_t rest = value % unit;
    if (rest == 0) return text;
    std::string fraction = fmt::format("{:0{}}", rest, unit == 1'000 ? 3 : unit == 1'000'000 ? 6 : 9);
    while (fraction.back() == '0') fraction.pop_back();
    return text + "." + fraction;
  };
  if (u < 1'000) return out + fmt::format("{}ns", u);
  if (u < 1'000'000) return out + decimal(u, 1'000) + "µs";
  if (u < 1'000'000'000) return out + decimal(u, 1'000'000) + "ms";
  std::uint64_t hours = u / 3'600'000'000'000, minutes = u / 60'000'000'000 % 60;
  if (hours) out += fmt::format("{}h", hours);
  if (hours || minutes) out += fmt::format("{}m", minutes);
  return out + decimal(u % 60'000'000'000, 1'000'000'000) + "s";
}

std::string format_rfc3339(UnixNanos t) {
  std::time_t seconds = static_cast<std::time_t>(t / 1'000'000'000);
  std::tm tm{};
  gmtime_r(&seconds, &tm);
  std::string out = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                                tm.tm_hour, tm.tm_min, tm.tm_sec);
  if (std::uint64_t nanos = t % 1'000'000'000; nanos != 0) {
    out += fmt::format(".{:09}", nanos);
    while (out.back() == '0') out.pop_back();
  }
  return out + "Z";
}

}  // namespace weir
