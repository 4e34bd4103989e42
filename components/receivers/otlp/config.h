#pragma once
#include "components/receivers/otlp/services.h"
#include "components/shared/net_config/server.h"

namespace weir::receivers::otlp {

struct HttpConfig : net_config::HttpServer {
  HttpConfig() { endpoint = "localhost:4318"; }
  std::string traces_url_path = "/v1/traces", metrics_url_path = "/v1/metrics", logs_url_path = "/v1/logs",
              profiles_url_path = "/v1development/profiles";

  HttpPaths paths() const;
  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

struct GrpcConfig : net_config::GrpcServer {
  GrpcConfig() { endpoint = "localhost:4317"; }
  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

struct Protocols {
  std::optional<GrpcConfig> grpc;
  std::optional<HttpConfig> http;
  static std::span<const config::FieldInfo> fields();
};

struct Config {
  Protocols protocols;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

}  // namespace weir::receivers::otlp
