#pragma once
#include "components/shared/net_config/server.h"

namespace weir::extensions::zpages {

struct Expvar {
  bool enabled = false;
  static std::span<const config::FieldInfo> fields();
};

struct Config {
  Config() { server.endpoint = "localhost:55679"; }
  net_config::HttpServer server;
  Expvar expvar;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

}  // namespace weir::extensions::zpages
