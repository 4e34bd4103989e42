#pragma once
// What the kubelet answers, as metrics. Pure.
#include "components/receivers/kubeletstats/config.h"

namespace weir::receivers::kubeletstats {

struct Look {
  std::string summary, pods;  // of /stats/summary and /pods; pods may be empty
  UnixNanos now = 0, began = 0;
  double node_cpus = 0, node_memory = 0;  // 0: not known
};

// Errc::invalid when the summary is none.
Result<otlp::Batch> metrics_of(const Look& look, const Config& config);

}  // namespace weir::receivers::kubeletstats
