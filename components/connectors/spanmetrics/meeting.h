#pragma once
// What the cores of one span metrics connector have in common.
#include <atomic>
#include <mutex>

#include "base/time.h"
#include "otlp/batch.h"

namespace weir::connectors::spanmetrics {

// The grid of their flushes, what they hold together, and where they bring flushes that are to leave together: whoever
// comes last takes all of it. A core that is held up delays the others by one interval at most. Usable from every core;
// the lock is taken once for each core and flush.
class Meeting {
 public:
  // Before a core's first flush. Answers the time from which all count their intervals: that of the first core.
  TimePoint join(std::uint16_t core, std::uint16_t cores, TimePoint now);
  // Everything to send now; empty while others are awaited.
  std::vector<otlp::Batch> bring(std::uint16_t core, std::vector<otlp::Batch> flushed, bool last);

  // Over all cores.
  std::atomic<std::size_t> series_bytes{0}, resources{0};

 private:
  enum class Presence : std::uint8_t { absent, present, gone };
  std::mutex mutex_;  // guards what follows
  std::optional<TimePoint> epoch_;
  std::vector<Presence> cores_;
  std::vector<otlp::Batch> gathered_;
};

}  // namespace weir::connectors::spanmetrics
