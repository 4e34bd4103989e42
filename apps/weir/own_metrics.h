#pragma once
// weir's own metrics to the outside: the Prometheus endpoint, and the ledger and process as families.
#include "engine/engine.h"
#include "io/loop.h"
#include "weir/settings.h"

namespace weir {
class Listeners;
}

namespace weir::app {

// GET /metrics on service.telemetry.metrics's address or pull readers. Has memory of its own, so that a full process can
// still be looked at.
class OwnMetricsServer {
 public:
  virtual ~OwnMetricsServer() = default;
  // For whoever takes this one's place.
  virtual void share_listeners() = 0;
  static Result<std::unique_ptr<OwnMetricsServer>> start(io::Loop& loop, const OwnTelemetry& own, telemetry::Registry& registry,
                                                         std::shared_ptr<Listeners> listeners);
};

// Time, CPU and memory of this process, under the collector's names, read at each scrape.
std::shared_ptr<void> add_process_metrics(telemetry::Registry& registry, const Budget& budget);

// weir_ledger_items{component,kind,signal,flow} and weir_dropped_items{component,kind,signal,reason}, read at each scrape.
std::shared_ptr<void> add_ledger_metrics(telemetry::Registry& registry, const engine::Engine& engine);

}  // namespace weir::app
