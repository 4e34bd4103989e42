#pragma once
// A data point as its bytes have it: the numbers, and the bytes that say which series it is.
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "otlp/model.h"

namespace weir::exporters::prometheusremotewrite {

struct PointView {
  std::string_view attributes;      // with their tags
  UnixNanos time = 0, start = 0;
  double value = 0, sum = 0;        // value: gauges and sums
  std::uint64_t count = 0;
  bool has_sum = false, stale = false;
  std::string_view bounds, counts;  // of a histogram, 8 bytes each
  std::vector<std::pair<double, double>> quantiles;

  double bound(std::size_t i) const;
  std::uint64_t bucket(std::size_t i) const;
  std::size_t buckets() const { return std::min(bounds.size(), counts.size()) / 8; }
};

// Of gauges, sums, histograms and summaries. False for a point with exemplars, and for bytes as no known encoder writes them: such
// a point has to be decoded.
bool read(otlp::MetricType type, std::string_view bytes, PointView& out);

// The one field of a metric that has its points; empty: there is none, or several.
std::string_view data_of(std::string_view metric, otlp::MetricType type);

}  // namespace weir::exporters::prometheusremotewrite
