#pragma once
// Which series a data point is of.
#include <cstdint>

#include "otlp/model.h"

namespace weir::metric_streams {

struct StreamId {
  std::uint64_t high = 0, low = 0;
  bool operator==(const StreamId&) const = default;
};

std::uint64_t hash_of(const otlp::Value& value);

// Call in this order: resource, scope, metric, point; each as often as there are some within the one before.
class StreamHasher {
 public:
  void resource(const otlp::Resource& resource);
  void scope(const otlp::Scope& scope);
  void metric(const otlp::Metric& metric);
  StreamId resource_id() const { return resource_; }
  StreamId scope_id() const { return scope_; }
  StreamId metric_id() const { return metric_; }
  StreamId point(const otlp::Attributes& attributes) const;
  // Of the metric's name alone, the same for every resource.
  std::uint64_t name() const { return name_; }

 private:
  StreamId resource_, scope_, metric_;
  std::uint64_t name_ = 0;
};

}  // namespace weir::metric_streams

template <>
struct std::hash<weir::metric_streams::StreamId> {
  std::size_t operator()(const weir::metric_streams::StreamId& id) const noexcept { return id.low; }
};
