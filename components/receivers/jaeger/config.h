#pragma once
#include "components/shared/net_config/server.h"

namespace weir::receivers::jaeger {

struct Grpc : net_config::GrpcServer {
  Grpc() { endpoint = "localhost:14250"; }
  static std::span<const config::FieldInfo> fields();
};

struct ThriftHttp : net_config::HttpServer {
  ThriftHttp() { endpoint = "localhost:14268"; }
  static std::span<const config::FieldInfo> fields();
};

struct Udp {
  std::string endpoint;
  std::uint64_t max_packet_size = 65'000;
  std::uint64_t socket_buffer_size = 0;
  std::uint64_t queue_size = 1000, workers = 10;
  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const { net_config::check_listener(endpoint, context); }
};
struct ThriftCompact : Udp {
  ThriftCompact() { endpoint = "localhost:6831"; }
  static std::span<const config::FieldInfo> fields() { return Udp::fields(); }
};
struct ThriftBinary : Udp {
  ThriftBinary() { endpoint = "localhost:6832"; }
  static std::span<const config::FieldInfo> fields() { return Udp::fields(); }
};

struct Protocols {
  std::optional<Grpc> grpc;
  std::optional<ThriftHttp> thrift_http;
  std::optional<ThriftCompact> thrift_compact;
  std::optional<ThriftBinary> thrift_binary;
  static std::span<const config::FieldInfo> fields();
};

struct Config {
  Protocols protocols;
  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

}  // namespace weir::receivers::jaeger
