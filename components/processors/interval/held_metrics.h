#pragma once
// The newest point of each series, in copies of its own.
#include <unordered_map>

#include "components/shared/metric_streams/stream_id.h"
#include "otlp/batch.h"

namespace weir::processors::interval {

// One core's. Memory is charged as its arena grows; without room the caller has to take everything out early.
class HeldMetrics {
 public:
  explicit HeldMetrics(Charge charge) : charge_(std::move(charge)) {}

  // Keeps the points of the metric at hand that are newer than what is there. False: there is no room for more, take().
  bool keep(const metric_streams::StreamHasher& ids, const otlp::ResourceGroup& group, const otlp::Resource& resource,
            const otlp::ScopeGroup& scope_group, const otlp::Scope& scope, const otlp::Metric& metric);
  std::size_t points() const { return points_.size(); }
  // Everything, as a batch. Empty afterwards.
  otlp::Batch take();

 private:
  struct Place {
    otlp::Metric* metric;
    std::size_t index;
  };
  struct Kept {
    otlp::Resource* resource;
    std::string_view schema_url;
    std::vector<metric_streams::StreamId> scopes;
  };
  struct KeptScope {
    otlp::Scope* scope;
    std::string_view schema_url;
    std::vector<otlp::Metric*> metrics;
  };
  otlp::Metric& metric_of(const metric_streams::StreamHasher& ids, const otlp::ResourceGroup& group, const otlp::Resource& resource,
                          const otlp::ScopeGroup& scope_group, const otlp::Scope& scope, const otlp::Metric& metric);
  otlp::Attributes copy(const otlp::Attributes& attributes);
  void put(const otlp::DataPoint& from, otlp::DataPoint& to);

  std::unique_ptr<Arena> arena_ = std::make_unique<Arena>();
  Charge charge_;
  std::unordered_map<metric_streams::StreamId, Kept> resources_;
  std::unordered_map<metric_streams::StreamId, KeptScope> scopes_;
  std::unordered_map<metric_streams::StreamId, otlp::Metric*> metrics_;
  std::unordered_map<metric_streams::StreamId, Place> points_;
};

}  // namespace weir::processors::interval
