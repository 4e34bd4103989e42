#include "components/connectors/spanmetrics/adjusted_count.h"

#include "otlp/trace_state.h"

namespace weir::connectors::spanmetrics {

AdjustedCounts::Count AdjustedCounts::known(std::string_view trace_state, Rng& rng) {
  if (trace_state != last_) {
    auto threshold = otlp::sampling_threshold(trace_state);
    kept_share_ = threshold ? otlp::every_sample - *threshold : 0;
    last_ = trace_state;
  }
  if (kept_share_ == 0) return {};
  std::uint64_t whole = otlp::every_sample / kept_share_, rest = otlp::every_sample % kept_share_;
  return {whole + (rest && rng.below(kept_share_) < rest ? 1 : 0), true};
}

}  // namespace weir::connectors::spanmetrics
