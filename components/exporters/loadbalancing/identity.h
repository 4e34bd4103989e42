#pragma once
// The names under which the Go exporter hashes resources and metric streams: routing keys of `resource` and `streamID`.
#include "otlp/model.h"

namespace weir::exporters::loadbalancing {

// "resource/<hash>"
std::string resource_identity(otlp::Resource& resource, Arena& arena);

// Names the streams of one metric, point by point.
class StreamIdentity {
 public:
  StreamIdentity(otlp::Resource& resource, otlp::Scope& scope, const otlp::Metric& metric, Arena& arena);
  // "stream/<hash>"
  std::string of(otlp::Attributes& attributes, Arena& arena) const;

 private:
  std::uint64_t metric_;  // hash of everything but the point
};

}  // namespace weir::exporters::loadbalancing
