#pragma once
#include "components/shared/net_config/server.h"

namespace weir::receivers::zipkin {

struct Config : net_config::HttpServer {
  Config() { endpoint = "localhost:9411"; }
  bool parse_string_tags = false;

  static std::span<const config::FieldInfo> fields();
};

}  // namespace weir::receivers::zipkin
