#pragma once
// Values as Prometheus writes them in its configuration.
#include "config/field.h"

namespace weir::scrape {

// 1h30m, 15s, 500ms, 1d, 1w, 1y; units from the largest to the smallest, no fractions.
Result<Duration> parse_prom_duration(std::string_view text);
std::string format_prom_duration(Duration duration);

struct PromDuration {
  static constexpr std::string_view config_type = "duration";
  Duration value{0};

  constexpr PromDuration() = default;
  constexpr PromDuration(Duration v) : value(v) {}  // NOLINT(google-explicit-constructor): defaults read as durations
  template <class Rep, class Period>
  constexpr PromDuration(std::chrono::duration<Rep, Period> v) : value(v) {}
  static Result<PromDuration> decode(const config::Value& value, config::Context& context);
  config::Value encode() const { return config::Value::string(format_prom_duration(value)); }
};

// 10MB, 512KiB: units are powers of 1024 either way.
struct PromBytes {
  static constexpr std::string_view config_type = "size";
  std::uint64_t value = 0;

  static Result<PromBytes> decode(const config::Value& value, config::Context& context);
  config::Value encode() const { return config::Value::string(fmt::format("{}B", value)); }
};

}  // namespace weir::scrape
