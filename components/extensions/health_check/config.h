#pragma once
#include "components/shared/net_config/server.h"

namespace weir::extensions::health_check {

struct ResponseBody {
  std::string healthy, unhealthy;
  static std::span<const config::FieldInfo> fields();
};

// One path of the newer interface.
struct StatusPath {
  bool enabled = true;
  std::string path = "/status";
  static std::span<const config::FieldInfo> fields();
};
struct ConfigPath {
  bool enabled = false;
  std::string path = "/config";
  static std::span<const config::FieldInfo> fields();
};

struct Http {
  Http() { server.endpoint = "localhost:13133"; }
  net_config::HttpServer server;
  StatusPath status;
  ConfigPath config;
  static std::span<const config::FieldInfo> fields();
};

struct Config {
  Config() { server.endpoint = "localhost:13133"; }
  net_config::HttpServer server;
  std::string path = "/";
  std::optional<ResponseBody> response_body;
  bool use_v2 = false;
  std::optional<Http> http;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

}  // namespace weir::extensions::health_check
