#include "components/shared/otlp_grpc/method.h"

namespace weir::otlp_grpc {

std::string_view method_of(otlp::Signal signal) {
  switch (signal) {
    case otlp::Signal::traces: return "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    case otlp::Signal::metrics: return "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
    case otlp::Signal::logs: return "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    case otlp::Signal::profiles: return "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export";
  }
  return {};
}

}  // namespace weir::otlp_grpc
