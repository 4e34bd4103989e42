#pragma once
// What must hold in every world. Each check aborts with the seed and the values.
#include "sim/backend.h"
#include "sim/traffic.h"

namespace weir::sim {

struct Seen {
  std::set<otlp::TraceId> kept;
  std::map<std::string, std::uint64_t> calls, edges;
  std::size_t exemplars = 0;
};

// exactly_once: no request was refused and sent again.
Seen check(const Reference& reference, Backend& traces, Backend& metrics, bool exactly_once, std::string_view world);

}  // namespace weir::sim
