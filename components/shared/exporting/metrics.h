#pragma once
// The counters of a queue and of what leaves it.
#include <mutex>

#include "components/shared/exporting/exporting.h"
#include "telemetry/owned.h"

namespace weir::exporting {

// A queue's fill, in units of its sizer, shared by the cores of one exporter.
struct Fill {
  // Where order counts: requests of an earlier process go first, from the first core, and the others wait for that.
  enum class Backlog : std::uint8_t { unknown, there, none };

  std::atomic<std::int64_t> size{0};
  std::once_flag numbered;
  std::uint64_t number = 0;  // in the line, of an exporter that keeps an order
  std::atomic<Backlog> backlog{Backlog::unknown};
  std::uint64_t value() const { return static_cast<std::uint64_t>(std::max<std::int64_t>(size.load(std::memory_order_relaxed), 0)); }
  void add(std::int64_t more) { size.fetch_add(more, std::memory_order_relaxed); }
};

struct Metrics : SentCounters {
  telemetry::Counter &enqueue_failed, &rejected;
  telemetry::OwnedGauge in_flight;
  // Of batches, on their way into the queue and out of it; null without detailed metrics.
  struct Sizes {
    telemetry::Histogram *items = nullptr, *bytes = nullptr;
    void observe(const otlp::Batch& batch) const;
  };
  Sizes enqueued, sent_batches;

  static Metrics of(const engine::StageContext& context);
};

// otelcol_exporter_queue_size and _capacity, as long as the result lives. capacity 0: none is known.
std::shared_ptr<void> export_fill(const engine::StageContext& context, const std::string& endpoint, std::shared_ptr<Fill> fill, std::uint64_t capacity);

}  // namespace weir::exporting
