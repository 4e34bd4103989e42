#pragma once
// weir's own metrics to the outside: the Prometheus endpoint, and the ledger and process as families.
#include "engine/engine.h"
#include "io/loop.h"

namespace weir::app {

// GET /metrics on service.telemetry.metrics's address or pull readers.
class OwnMetricsServer {
 public:
  virtual ~OwnMetricsServer() = default;
  // `constant` labels go on every series, as the collector's do.
  static Result<std::unique_ptr<OwnMetricsServer>> start(io::Loop& loop, std::span<const std::string> endpoints,
                                                         telemetry::Labels constant, telemetry::Registry& registry,
                                                         Budget& budget);
};

// weir_ledger_items{component,kind,signal,flow} and weir_dropped_items{component,kind,signal,reason}, read at each scrape.
std::shared_ptr<void> add_ledger_metrics(telemetry::Registry& registry, const engine::Engine& engine);

}  // namespace weir::app
