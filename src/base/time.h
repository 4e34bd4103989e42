#pragma once
// Time as the engine sees it: a monotonic point for waiting, a wall time for stamping. Both come from a Clock, so that
// tests and the simulation decide what time it is.
#include <chrono>
#include <cstdint>

#include "base/result.h"

namespace weir {

using Duration = std::chrono::nanoseconds;
using namespace std::chrono_literals;

struct MonotonicTag {
  using rep = std::int64_t;
  using period = std::nano;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<MonotonicTag>;
  static constexpr bool is_steady = true;
};
using TimePoint = std::chrono::time_point<MonotonicTag, Duration>;

// Nanoseconds since 1970-01-01 UTC, as in OTLP's *_unix_nano fields.
using UnixNanos = std::uint64_t;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint now() const = 0;
  virtual UnixNanos wall() const = 0;
};

// The machine's clocks. Stateless, usable from every core.
Clock& system_clock();

// Moves only when told to. One core.
class ManualClock : public Clock {
 public:
  explicit ManualClock(UnixNanos wall = 1'700'000'000'000'000'000) : wall_(wall) {}
  TimePoint now() const override { return now_; }
  UnixNanos wall() const override { return wall_; }
  void advance(Duration d) {
    now_ += d;
    wall_ += static_cast<UnixNanos>(d.count());
  }
  // Wall clocks jump, monotonic ones do not.
  void jump_wall(Duration d) { wall_ += static_cast<UnixNanos>(d.count()); }

 private:
  TimePoint now_{};
  UnixNanos wall_;
};

// Go's duration syntax: "300ms", "1.5h", "1h2m", "-2s", units ns us µs ms s m h; a bare "0" is accepted.
Result<Duration> parse_duration(std::string_view text);

// Shortest Go spelling: "1h30m0s", "250ms", "0s".
std::string format_duration(Duration d);

// RFC 3339 with nanoseconds, UTC, e.g. "2023-11-14T22:13:20.000000001Z"; trailing zeros of the fraction are cut.
std::string format_rfc3339(UnixNanos t);

}  // namespace weir
