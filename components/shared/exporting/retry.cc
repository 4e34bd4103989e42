#include "components/shared/exporting/retry.h"

#include <algorithm>
#include <cmath>

namespace weir::exporting {

bool may_retry(const Error& error) { return error.code == Errc::retryable || error.code == Errc::refused; }

Duration backoff(const RetrySettings& settings, unsigned attempt, Rng& rng, Duration asked) {
  double base = static_cast<double>(settings.initial_interval.count()) * std::pow(settings.multiplier, attempt - 1);
  base = std::min(base, static_cast<double>(settings.max_interval.count()));
  double jitter = 1 + settings.randomization_factor * (2 * rng.unit() - 1);
  return std::max(asked, Duration{static_cast<std::int64_t>(base * jitter)});
}

}  // namespace weir::exporting
