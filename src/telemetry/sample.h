#pragma once
// A cell as a reader sees it.
#include "telemetry/metrics.h"

namespace weir::telemetry {

Sample sample_of(const Labels& labels, const Counter& cell);
Sample sample_of(const Labels& labels, const Gauge& cell);
Sample sample_of(const Labels& labels, const Histogram& cell);

}  // namespace weir::telemetry
