#pragma once
// A backend behind a real exporter queue: it is slow, away for a while, or answers with errors that pass.
#include "components/shared/exporting/exporting.h"

namespace weir::sim {

struct Backend {
  double failures = 0;          // share of attempts that fail
  Duration slowest = 10ms;      // an answer takes up to this
  TimePoint away_from{}, away_until{};
  exporting::Settings settings;
  std::vector<std::unique_ptr<otlp::Batch>> got;  // what was taken, in order
  std::size_t attempts = 0;
  std::shared_ptr<bool> life = std::make_shared<bool>(true);  // shared with exporters: false once their process is gone
};

// An exporter "backend" that sends to the given Backend (the factory's config).
const engine::Factory& backend_factory();

}  // namespace weir::sim
