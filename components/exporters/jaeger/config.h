#pragma once
#include "components/shared/exporting/config.h"
#include "components/shared/net_config/client.h"

namespace weir::exporters::jaeger {

struct Config {
  exporting::Config exporting;
  net_config::GrpcClient client;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
  // Where Jaeger takes OTLP on the host that the endpoint names: port 4317 instead of 14250, every other port as it is.
  std::string otlp_endpoint() const;
};

}  // namespace weir::exporters::jaeger
