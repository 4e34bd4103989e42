#pragma once
// The settings of an OTLP/gRPC exporter: the otlp exporter's, and one set for all backends of load balancing.
#include "components/shared/exporting/config.h"
#include "components/shared/net_config/client.h"

namespace weir::otlp_grpc {

struct Config {
  exporting::Config exporting;
  net_config::GrpcClient client;

  static std::span<const config::FieldInfo> fields();
};

}  // namespace weir::otlp_grpc
