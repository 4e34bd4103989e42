// Times and durations.
#include "ottl/time/civil.h"
#include "ottl/function.h"
#include "ottl/time/layout.h"

namespace weir::ottl {
namespace {

bool now(EvalContext& c, const Call&, Value& out) { return out = Value::of_unix_nanos(c.clock().wall()), true; }

bool duration(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  if (!call.text(c, 0, text)) return false;
  auto parsed = parse_duration(text);
  if (!parsed) return c.fail("{}", parsed.error().what);
  return out = Value::of_duration(parsed->count()), true;
}

template <std::int64_t unit>
bool in_real_units(EvalContext& c, const Call& call, Value& out) {
  std::int64_t nanos;
  if (!call.duration(c, 0, nanos)) return false;
  return out = Value::of(static_cast<double>(nanos / unit) + static_cast<double>(nanos % unit) / static_cast<double>(unit)), true;
}
template <std::int64_t unit>
bool in_whole_units(EvalContext& c, const Call& call, Value& out) {
  std::int64_t nanos;
  if (!call.duration(c, 0, nanos)) return false;
  return out = Value::of(nanos / unit), true;
}

template <auto Member>
bool part(EvalContext& c, const Call& call, Value& out) {
  Value time;
  if (!call.time(c, 0, time)) return false;
  return out = Value::of(static_cast<std::int64_t>(civil_from(time.time).*Member)), true;
}
bool nanosecond(EvalContext& c, const Call& call, Value& out) {
  Value time;
  if (!call.time(c, 0, time)) return false;
  return out = Value::of(std::int64_t{time.time.nanos}), true;
}

// Whole units since 1970.
template <std::int64_t per_second>
bool since_epoch(EvalContext& c, const Call& call, Value& out) {
  Value value;
  if (!call.time(c, 0, value)) return false;
  const Time& time = value.time;
  auto whole = static_cast<std::uint64_t>(time.seconds) * static_cast<std::uint64_t>(per_second);
  return out = Value::of(static_cast<std::int64_t>(whole + static_cast<std::uint64_t>(time.nanos / (1'000'000'000 / per_second)))), true;
}

bool unix_time(EvalContext& c, const Call& call, Value& out) {
  std::int64_t seconds, nanos = 0;
  if (!call.integer(c, 0, seconds) || !call.optional_integer(c, 1, nanos)) return false;
  Time extra = Time::from_unix_nanos(nanos);
  out = Value::of(Time{static_cast<std::int64_t>(static_cast<std::uint64_t>(seconds) + static_cast<std::uint64_t>(extra.seconds)), extra.nanos, 0});
  return std::memcpy(out.zone, "UTC", 3), true;
}

// Down to a multiple of the duration, counted from the year 1.
bool truncate_time(EvalContext& c, const Call& call, Value& out) {
  std::int64_t unit;
  if (!call.time(c, 0, out) || !call.duration(c, 1, unit)) return false;
  if (unit <= 0) return true;
  constexpr std::int64_t year_one = -62'135'596'800;
  __int128 nanos = (static_cast<__int128>(out.time.seconds) - year_one) * 1'000'000'000 + out.time.nanos;
  __int128 over = nanos % unit;
  if (over < 0) over += unit;
  nanos -= over;
  auto seconds = static_cast<std::int64_t>(nanos / 1'000'000'000), rest = static_cast<std::int64_t>(nanos % 1'000'000'000);
  if (rest < 0) rest += 1'000'000'000, --seconds;
  out.time.seconds = seconds + year_one;
  out.time.nanos = static_cast<std::int32_t>(rest);
  return true;
}

// ---- Time(target, format, location?, locale?) and FormatTime(time, format)
struct PreparedLayout : Prepared {
  TimeLayout layout;
  std::shared_ptr<const Zone> zone;
};

Result<> prepare_parse(Call& call) {
  auto out = std::make_unique<PreparedLayout>();
  std::string_view locale = call.given(3) ? call.constant(3)->text : "";
  WEIR_ASSIGN(out->layout, TimeLayout::make(call.constant(1)->text, locale));
  std::string_view zone = call.given(2) && !call.constant(2)->text.empty() ? call.constant(2)->text : "Local";
  WEIR_ASSIGN(out->zone, Zone::load(zone));
  call.prepared = std::move(out);
  return {};
}
bool parse_time(EvalContext& c, const Call& call, Value& out) {
  std::string_view text;
  if (!call.text(c, 0, text)) return false;
  if (text.empty()) return c.fail("time cannot be nil");
  auto& prepared = static_cast<const PreparedLayout&>(*call.prepared);
  return prepared.layout.read(text, *prepared.zone, c.clock().wall(), out, c.error);
}

Result<> prepare_format(Call& call) {
  auto out = std::make_unique<PreparedLayout>();
  WEIR_ASSIGN(out->layout, TimeLayout::make(call.constant(1)->text));
  call.prepared = std::move(out);
  return {};
}
bool format_time(EvalContext& c, const Call& call, Value& out) {
  Value time;
  if (!call.time(c, 0, time)) return false;
  return out = c.scratch_text(static_cast<const PreparedLayout&>(*call.prepared).layout.write(time)), true;
}

}  // namespace

std::span<const FunctionInfo> time_functions() {
  constexpr std::int64_t micro = 1000, milli = 1000 * micro, second = 1000 * milli, minute = 60 * second, hour = 60 * minute;
  static const std::vector<Param> one_time{{"time", Takes::time}}, one_duration{{"duration", Takes::duration}};
  static const std::array rows{
      FunctionInfo{"Now", "The current time.", {}, now},
      FunctionInfo{"Time", "The time that a text in a strptime-like format stands for; location is a zone name (default: the machine's), locale a language tag.",
                   {{"time", Takes::text}, {"format", Takes::literal_text}, {"location", Takes::literal_text, true}, {"locale", Takes::literal_text, true}},
                   parse_time, prepare_parse},
      FunctionInfo{"FormatTime", "A time as text in a strptime-like format.", {{"time", Takes::time}, {"format", Takes::literal_text}}, format_time, prepare_format},
      FunctionInfo{"Unix", "The time that many seconds (and nanoseconds) after 1970.", {{"seconds", Takes::integer}, {"nanoseconds", Takes::integer, true}}, unix_time},
      FunctionInfo{"UnixSeconds", "Seconds since 1970.", one_time, since_epoch<1>},
      FunctionInfo{"UnixMilli", "Milliseconds since 1970.", one_time, since_epoch<1000>},
      FunctionInfo{"UnixMicro", "Microseconds since 1970.", one_time, since_epoch<1'000'000>},
      FunctionInfo{"UnixNano", "Nanoseconds since 1970.", one_time, since_epoch<1'000'000'000>},
      FunctionInfo{"TruncateTime", "The time rounded down to a multiple of the duration.", {{"time", Takes::time}, {"duration", Takes::duration}}, truncate_time},
      FunctionInfo{"Year", "The year of a time.", one_time, part<&Civil::year>},
      FunctionInfo{"Month", "The month of a time, 1 to 12.", one_time, part<&Civil::month>},
      FunctionInfo{"Day", "The day of the month of a time.", one_time, part<&Civil::day>},
      FunctionInfo{"Weekday", "The day of the week of a time, 0 for Sunday.", one_time, part<&Civil::weekday>},
      FunctionInfo{"Hour", "The hour of a time, 0 to 23.", one_time, part<&Civil::hour>},
      FunctionInfo{"Minute", "The minute of a time.", one_time, part<&Civil::minute>},
      FunctionInfo{"Second", "The second of a time.", one_time, part<&Civil::second>},
      FunctionInfo{"Nanosecond", "The nanoseconds within the second of a time.", one_time, nanosecond},
      FunctionInfo{"Duration", "The duration that a text like 1h30m or 250ms stands for.", {{"duration", Takes::text}}, duration},
      FunctionInfo{"Hours", "A duration in hours, with fraction.", one_duration, in_real_units<hour>},
      FunctionInfo{"Minutes", "A duration in minutes, with fraction.", one_duration, in_real_units<minute>},
      FunctionInfo{"Seconds", "A duration in seconds, with fraction.", one_duration, in_real_units<second>},
      FunctionInfo{"Milliseconds", "A duration in whole milliseconds.", one_duration, in_whole_units<milli>},
      FunctionInfo{"Microseconds", "A duration in whole microseconds.", one_duration, in_whole_units<micro>},
      FunctionInfo{"Nanoseconds", "A duration in nanoseconds.", one_duration, in_whole_units<1>},
  };
  return rows;
}

}  // namespace weir::ottl
