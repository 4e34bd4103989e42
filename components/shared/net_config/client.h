#pragma once
// Settings of clients as users write them (the collector's configgrpc, confighttp, configtls and configauth).
#include "components/shared/net_config/common.h"
#include "net/client.h"

namespace weir::net_config {

struct ClientTls : net::TlsClientSettings {
  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

struct ClientKeepalive {
  Duration time = 10s, timeout = 10s;
  bool permit_without_stream = false;
  static std::span<const config::FieldInfo> fields();
};

// Connections of an HTTP client that are kept for further requests.
struct HttpClientKeepalive {
  bool enabled = true;
  std::uint64_t max_idle_conns = 100, max_idle_conns_per_host = 0;
  Duration idle_conn_timeout = 90s;
  static std::span<const config::FieldInfo> fields();
};

using Headers = std::map<std::string, config::Secret>;

struct GrpcClient {
  std::string endpoint;
  std::string compression = "gzip";
  ClientTls tls;
  std::optional<ClientKeepalive> keepalive;
  bool wait_for_ready = false;
  Headers headers;
  std::string balancer_name = "round_robin";
  std::string authority;
  std::string user_agent;
  std::optional<ClientAuth> auth;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
  net::GrpcClientSettings settings() const;
};

struct HttpClient {
  std::string endpoint;
  std::string proxy_url;
  ClientTls tls;
  Headers headers;
  std::string compression = "gzip";
  std::optional<ClientAuth> auth;
  std::optional<HttpClientKeepalive> keepalive;  // counts for more than the older settings for the same
  std::uint64_t max_idle_conns = 100, max_idle_conns_per_host = 0, max_conns_per_host = 0;
  Duration idle_conn_timeout = 90s;
  bool disable_keep_alives = false, force_attempt_http2 = true;
  Duration http2_read_idle_timeout{0}, http2_ping_timeout{0};

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
  net::HttpClientSettings settings() const;
};

}  // namespace weir::net_config
