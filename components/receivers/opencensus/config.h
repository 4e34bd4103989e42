#pragma once
#include "components/shared/net_config/server.h"

namespace weir::receivers::opencensus {

struct Config : net_config::GrpcServer {
  Config() { endpoint = "localhost:55678"; }
  std::vector<std::string> cors_allowed_origins;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
  net::ServerSettings settings() const;
};

}  // namespace weir::receivers::opencensus
