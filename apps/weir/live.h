#pragma once
// A line for each signal while data flows: what a newcomer sees of the embedded default.
#include "engine/engine.h"

namespace weir::app {

// Fed with the ledger once a second, from one thread.
class LiveLines {
 public:
  // One line for each signal whose numbers changed since the last call; "" when nothing did.
  std::string next(std::span<const engine::LedgerRow> rows, UnixNanos now);

 private:
  struct Totals {
    std::uint64_t received = 0, refused = 0, dropped = 0;
    bool operator==(const Totals&) const = default;
  };
  std::array<Totals, otlp::all_signals.size()> last_{};
};

}  // namespace weir::app
