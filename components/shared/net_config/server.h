#pragma once
// Settings of servers as users write them (the collector's configgrpc, confighttp, configtls and configauth).
#include "components/shared/net_config/common.h"
#include "net/server.h"

namespace weir::net_config {

struct ServerTls : net::TlsServerSettings {
  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

// Reports an address that nobody can listen on. An empty one is the business of those who need one.
void check_listener(std::string_view endpoint, config::Context& context);

struct CorsConfig : net::Cors {
  static std::span<const config::FieldInfo> fields();
};

struct KeepaliveServerParameters {
  Duration max_connection_idle{0}, max_connection_age{0}, max_connection_age_grace{0}, time = 2h, timeout = 20s;
  static std::span<const config::FieldInfo> fields();
};

struct KeepaliveEnforcement {
  Duration min_time = 5min;
  bool permit_without_stream = false;
  static std::span<const config::FieldInfo> fields();
};

struct ServerKeepalive {
  KeepaliveServerParameters server_parameters;
  std::optional<KeepaliveEnforcement> enforcement_policy;
  static std::span<const config::FieldInfo> fields();
};

struct GrpcServer {
  std::string endpoint;
  std::string transport = "tcp";
  std::optional<ServerTls> tls;
  std::uint64_t max_recv_msg_size_mib = 4;
  std::uint64_t max_concurrent_streams = 0;
  std::optional<ServerKeepalive> keepalive;
  std::optional<ServerAuth> auth;
  bool include_metadata = false;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
  net::ServerSettings settings() const;
};

// Connections to an HTTP server that are kept for further requests.
struct HttpServerKeepalive {
  bool enabled = true;
  Duration idle_timeout = 1min;
  static std::span<const config::FieldInfo> fields();
};

struct HttpServer {
  std::string endpoint;
  std::string transport = "tcp";
  std::optional<ServerTls> tls;
  std::optional<CorsConfig> cors;
  std::optional<ServerAuth> auth;
  std::uint64_t max_request_body_size = 20 * 1024 * 1024;
  bool include_metadata = false;
  std::map<std::string, std::string> response_headers;
  std::vector<std::string> compression_algorithms = {"", "gzip", "zstd", "zlib", "snappy", "deflate", "lz4"};
  Duration read_timeout = 1min, read_header_timeout = 1min, write_timeout = 30s, idle_timeout = 1min;
  bool keep_alives_enabled = true;
  std::optional<HttpServerKeepalive> keepalive;  // counts for more than the two older settings for the same

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
  net::ServerSettings settings() const;
};

}  // namespace weir::net_config
