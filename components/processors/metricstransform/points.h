#pragma once
// What operations do to the data points of a metric.
#include "components/processors/metricstransform/config.h"
#include "otlp/model.h"

namespace weir::processors::metricstransform {

// Points with equal attributes and times (of deltas start times, of histograms bounds, too) become one, in the order of the first of each.
void join_points(otlp::Metric& metric, Aggregation how, Arena& arena);

void scale(otlp::Metric& metric, otlp::DataPoint& point, double factor);
void toggle_type(otlp::DataPoint& point);

}  // namespace weir::processors::metricstransform
