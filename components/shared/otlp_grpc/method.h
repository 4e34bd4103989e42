#pragma once
// The gRPC methods of OTLP.
#include "otlp/model.h"

namespace weir::otlp_grpc {

// "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
std::string_view method_of(otlp::Signal signal);

}  // namespace weir::otlp_grpc
