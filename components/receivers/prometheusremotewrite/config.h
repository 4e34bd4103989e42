#pragma once
#include "components/shared/net_config/server.h"

namespace weir::receivers::prometheusremotewrite {

struct Config {
  Config() { server.endpoint = "localhost:9090"; }
  net_config::HttpServer server;
  static std::span<const config::FieldInfo> fields();
};

}  // namespace weir::receivers::prometheusremotewrite
