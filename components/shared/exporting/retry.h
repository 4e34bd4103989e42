#pragma once
// When a request that failed is tried again.
#include "base/rng.h"
#include "base/time.h"

namespace weir::exporting {

struct RetrySettings {
  bool enabled = true;
  Duration initial_interval = 5s;
  double randomization_factor = 0.5;
  double multiplier = 1.5;
  Duration max_interval = 30s;
  std::optional<Duration> max_elapsed_time;  // 0: never give up; not set: 5 min from memory, never from disk

  Duration give_up_after(bool on_disk) const { return max_elapsed_time.value_or(on_disk ? Duration(0s) : Duration(5min)); }
};

// True for errors that may pass.
bool may_retry(const Error& error);

// When the next attempt comes: exponential with jitter, uniform in ±randomization_factor; at least what the backend asked.
Duration backoff(const RetrySettings& settings, unsigned attempt, Rng& rng, Duration asked);

}  // namespace weir::exporting
