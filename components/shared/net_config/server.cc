#include "components/shared/net_config/server.h"

#include "net/certificate.h"
#include "net/socket.h"

namespace weir::net_config {

using config::field;
using config::FieldInfo;

std::span<const FieldInfo> ServerTls::fields() {
  static const std::vector rows = [] {
    auto all = tls_fields();
    all.push_back(field<&net::TlsServerSettings::client_ca_file>("client_ca_file", "Clients must show a certificate that this authority signed."));
    all.push_back(field<&net::TlsServerSettings::client_ca_file_reload>("client_ca_file_reload", "Read client_ca_file again when it changes."));
    return all;
  }();
  return rows;
}

void ServerTls::validate(config::Context& context) const {
  if (auto rules = net::check_rules(*this); !rules) return context.error_at("", rules.error().what);
  if (auto files = net::check_files(*this); !files) context.machine_error_at("", files.error().what);
  else if (auto warning = net::certificate_warning(*this); !warning.empty()) context.warning_at("", warning);
}

void check_listener(std::string_view endpoint, config::Context& context) {
  if (endpoint.empty()) return;
  if (auto parsed = net::parse_endpoint(endpoint); !parsed) context.error_at("endpoint", parsed.error().what);
}

void GrpcServer::validate(config::Context& context) const { check_listener(settings().endpoint, context); }

void HttpServer::validate(config::Context& context) const { check_listener(settings().endpoint, context); }

std::span<const FieldInfo> CorsConfig::fields() {
  using T = net::Cors;
  static const std::array rows{
      field<&T::allowed_origins>("allowed_origins", "Origins that browsers may send from; * matches any text."),
      field<&T::allowed_headers>("allowed_headers", "Headers beside Accept, Content-Type, X-Requested-With and Origin."),
      field<&T::exposed_headers>("exposed_headers", "Response headers that scripts may read."),
      field<&T::max_age>("max_age", "Seconds for which browsers remember the answer."),
  };
  return rows;
}

std::span<const FieldInfo> KeepaliveServerParameters::fields() {
  using T = KeepaliveServerParameters;
  static const std::array rows{
      field<&T::max_connection_idle>("max_connection_idle", "A connection without calls is closed after this; 0 is never."),
      field<&T::max_connection_age>("max_connection_age", "A connection is closed at this age, so that clients spread anew; 0 is never."),
      field<&T::max_connection_age_grace>("max_connection_age_grace", "Time for calls under way at that age; 0 is unlimited."),
      field<&T::time>("time", "Silence after which the client is pinged."),
      field<&T::timeout>("timeout", "Time for the answer to a ping."),
  };
  return rows;
}

std::span<const FieldInfo> KeepaliveEnforcement::fields() {
  using T = KeepaliveEnforcement;
  static const std::array rows{
      field<&T::min_time>("min_time", "Clients that ping more often are turned away."),
      field<&T::permit_without_stream>("permit_without_stream", "Whether clients may ping without a call."),
  };
  return rows;
}

std::span<const FieldInfo> ServerKeepalive::fields() {
  static const std::array rows{
      field<&ServerKeepalive::server_parameters>("server_parameters", "What the server does."),
      field<&ServerKeepalive::enforcement_policy>("enforcement_policy", "What clients may do."),
  };
  return rows;
}

std::span<const FieldInfo> GrpcServer::fields() {
  using T = GrpcServer;
  static const std::array rows{
      field<&T::endpoint>("endpoint", "Address to listen on: host:port, :port or unix:/path."),
      field<&T::transport>("transport", "Kind of address.", {.choices = "tcp|tcp4|tcp6|unix"}),
      field<&T::tls>("tls", "TLS; plain text without it."),
      field<&T::max_recv_msg_size_mib>("max_recv_msg_size_mib", "Largest message, also after decompression; 0 is 4.", {.max = 4096}),
      field<&T::max_concurrent_streams>("max_concurrent_streams", "Calls at one time on a connection; 0 is 1000.", {.max = 1'000'000}),
      config::ignored("read_buffer_size", "buffers are shared by all connections"),
      config::ignored("write_buffer_size", "buffers are shared by all connections"),
      field<&T::keepalive>("keepalive", "Age and pings of connections."),
      field<&T::auth>("auth", "Who may send."),
      field<&T::include_metadata>("include_metadata", "Keep request headers for processors."),
      config::ignored("middlewares", "not supported"),
  };
  return rows;
}

net::ServerSettings GrpcServer::settings() const {
  net::ServerSettings out;
  out.endpoint = transport == "unix" && !endpoint.starts_with("unix:") ? "unix:" + endpoint : endpoint;
  out.tls = tls;
  out.max_recv_msg_size = (max_recv_msg_size_mib ? max_recv_msg_size_mib : 4) * 1024 * 1024;
  out.max_request_body_size = out.max_recv_msg_size;
  if (max_concurrent_streams) out.max_concurrent_streams = static_cast<std::uint32_t>(max_concurrent_streams);
  out.http1 = false;
  if (!keepalive) return out;
  auto& p = keepalive->server_parameters;
  out.keepalive = {p.max_connection_idle, p.max_connection_age, p.max_connection_age_grace, p.time, p.timeout};
  if (auto& e = keepalive->enforcement_policy) out.ping_policy = net::PingPolicy{e->min_time, e->permit_without_stream};
  return out;
}

std::span<const FieldInfo> HttpServerKeepalive::fields() {
  using T = HttpServerKeepalive;
  static const std::array rows{
      field<&T::enabled>("enabled", "Several requests on one connection."),
      field<&T::idle_timeout>("idle_timeout", "For a connection without a request; 0 is no limit."),
  };
  return rows;
}

std::span<const FieldInfo> HttpServer::fields() {
  using T = HttpServer;
  static const std::array rows{
      field<&T::endpoint>("endpoint", "Address to listen on: host:port, :port or unix:/path."),
      field<&T::transport>("transport", "Kind of address.", {.choices = "tcp|tcp4|tcp6|unix"}),
      field<&T::tls>("tls", "TLS; plain text without it."),
      field<&T::cors>("cors", "What browsers may do."),
      field<&T::auth>("auth", "Who may send."),
      field<&T::max_request_body_size>("max_request_body_size", "Largest body in bytes, also after decompression; 0 is 20 MiB."),
      field<&T::include_metadata>("include_metadata", "Keep request headers for processors."),
      field<&T::response_headers>("response_headers", "Headers added to every response."),
      field<&T::compression_algorithms>("compression_algorithms", "Accepted for bodies; weir accepts all of them always."),
      field<&T::read_timeout>("read_timeout", "From a request's head to the end of its body; 0 is no limit."),
      field<&T::read_header_timeout>("read_header_timeout", "For a request's head; 0 is no limit."),
      field<&T::write_timeout>("write_timeout", "For a response to make progress; 0 is no limit."),
      field<&T::keepalive>("keepalive", "Connections kept for further requests."),
      field<&T::idle_timeout>("idle_timeout", "Older spelling of keepalive::idle_timeout."),
      field<&T::keep_alives_enabled>("keep_alives_enabled", "Older spelling of keepalive::enabled."),
      config::ignored("middlewares", "not supported"),
  };
  return rows;
}

net::ServerSettings HttpServer::settings() const {
  net::ServerSettings out;
  out.endpoint = transport == "unix" && !endpoint.starts_with("unix:") ? "unix:" + endpoint : endpoint;
  out.tls = tls;
  if (cors) out.cors = *cors;
  if (max_request_body_size) out.max_request_body_size = max_request_body_size;
  out.read_timeout = read_timeout;
  out.read_header_timeout = read_header_timeout;
  out.write_timeout = write_timeout;
  HttpServerKeepalive kept = keepalive.value_or(HttpServerKeepalive{keep_alives_enabled, idle_timeout});
  out.idle_timeout = kept.idle_timeout;
  for (auto& [key, value] : response_headers) out.response_headers.add(key, value);
  if (!kept.enabled) out.response_headers.set("connection", "close");
  return out;
}

}  // namespace weir::net_config
