#pragma once
// Points into series: names and labels, the newest value, deltas added up.
#include "components/exporters/prometheus/config.h"
#include "components/exporters/prometheus/labels.h"
#include "components/exporters/prometheus/store.h"
#include "otlp/batch.h"

namespace weir::exporters::prometheus {

// What became of the points of one metric.
struct Outcomes {
  std::uint32_t kept = 0;     // stored, or known to be older than what is
  std::uint32_t invalid = 0;  // cannot be served
  std::uint32_t no_room = 0;
  std::string why;            // of the first invalid one
};

// One core.
class Accumulator {
 public:
  Accumulator(const Config& config, Store& store);

  // Call for each resource, scope and metric in this order.
  void resource(const weir::otlp::Resource& resource);
  void scope(const weir::otlp::Scope& scope, std::string_view schema_url);
  Outcomes metric(const weir::otlp::Metric& metric, Arena& arena, TimePoint now);

 private:
  void point(const weir::otlp::Metric& metric, const weir::otlp::DataPoint& point, Family& family, Arena& arena, TimePoint now, Outcomes& out);
  bool labels_of(const weir::otlp::DataPoint& point, Arena& arena, std::string& out, std::string& why);
  std::string target_labels() const;

  const Config& config_;
  Store& store_;
  weir::prometheus::MetricNamer metric_namer_;
  weir::prometheus::LabelNamer label_namer_;
  const weir::otlp::Resource* resource_ = nullptr;
  weir::prometheus::Identity identity_;
  std::uint32_t target_ = 0;
  LabelPairs scope_labels_;
  std::size_t resource_bytes_ = 0, scope_bytes_ = 0;  // of the labels that each series of a resource and a scope has
  bool scope_is_valid_ = true;
  LabelPairs pairs_;  // scratch
};

}  // namespace weir::exporters::prometheus
