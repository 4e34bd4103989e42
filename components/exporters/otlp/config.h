#pragma once
#include "components/shared/exporting/config.h"
#include "components/shared/net_config/client.h"

namespace weir::exporters::otlp {

struct Config {
  exporting::Config exporting;
  net_config::GrpcClient client;

  static std::span<const config::FieldInfo> fields();
};

}  // namespace weir::exporters::otlp
