#pragma once
// Pairs the spans at both ends of requests, on the core of their trace, and counts the requests. What a core counted goes
// to the first core, which alone holds the cumulative series and sends them on: one writer for each series.
#include "components/connectors/servicegraph/series.h"
#include "engine/out.h"

namespace weir::connectors::servicegraph {

class ServiceGraph;

// Where the cores of one connector meet.
struct Meeting {
  std::atomic<std::int64_t> waiting{0};          // edges kept by all cores
  std::atomic<io::Executor*> home{nullptr};      // of the core that sends metrics; set before the first span comes
  ServiceGraph* writer = nullptr;                // touched on that core only; null when it is gone
};

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, engine::StageContext& context);

}  // namespace weir::connectors::servicegraph
