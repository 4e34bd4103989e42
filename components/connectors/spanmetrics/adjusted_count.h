#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/rng.h"

namespace weir::connectors::spanmetrics {

// How many spans a span stands for, by the threshold with which it was sampled. A count that is not whole is rounded up
// or down by chance, so that sums are right on average.
class AdjustedCounts {
 public:
  struct Count {
    std::uint64_t spans = 1;
    bool adjusted = false;
  };
  Count of(std::string_view trace_state, Rng& rng) {
    if (trace_state.empty()) return {};
    return known(trace_state, rng);
  }

 private:
  Count known(std::string_view trace_state, Rng& rng);
  std::string last_;  // spans of one trace come together
  std::uint64_t kept_share_ = 0;  // of 2^56; 0: not adjusted
};

}  // namespace weir::connectors::spanmetrics
