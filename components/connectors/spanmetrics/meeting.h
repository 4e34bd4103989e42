#pragma once
// What the cores of one span metrics connector have in common.
#include <atomic>
#include <mutex>

#include "base/time.h"

namespace weir::connectors::spanmetrics {

// The grid of their flushes and what they hold together. Usable from every core.
class Meeting {
 public:
  // The time from which all cores count their intervals: that of the first one that asks.
  TimePoint join(TimePoint now);

  // Over all cores.
  std::atomic<std::size_t> series_bytes{0}, resources{0};

 private:
  std::mutex mutex_;  // guards epoch_
  std::optional<TimePoint> epoch_;
};

}  // namespace weir::connectors::spanmetrics
