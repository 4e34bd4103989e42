#include "components/shared/net_config/client.h"

#include "net/certificate.h"
#include "net/url.h"

namespace weir::net_config {
namespace {

net::HeaderList header_list(const Headers& headers) {
  net::HeaderList out;
  for (auto& [key, value] : headers) out.add(key, value.reveal());
  return out;
}

void check_compression(const std::string& name, config::Context& context) {
  auto known = net::compression_of(name == "none" ? "" : name);
  if (!known) context.error_at("compression", fmt::format("unsupported compression type \"{}\"", name));
}

// A proxy that a client refuses when it is made.
void check_proxy(const std::string& url, config::Context& context) {
  if (url.empty()) return;
  auto parsed = net::parse_url(url);
  if (!parsed) context.error_at("proxy_url", parsed.error().what);
  else if (parsed->https) context.error_at("proxy_url", "only http:// proxies are supported");
}

net::Compression compression(const std::string& name) {
  return net::compression_of(name == "none" ? "" : name).value_or(net::Compression::none);
}

}  // namespace

using config::field;
using config::FieldInfo;

std::span<const FieldInfo> ClientTls::fields() {
  using T = net::TlsClientSettings;
  static const std::vector rows = [] {
    auto all = tls_fields();
    all.push_back(field<&T::insecure>("insecure", "Plain text, no TLS."));
    all.push_back(field<&T::insecure_skip_verify>("insecure_skip_verify", "TLS, but accept any certificate."));
    all.push_back(field<&T::server_name_override>("server_name_override", "Name to ask for and verify instead of the endpoint's."));
    return all;
  }();
  return rows;
}

void ClientTls::validate(config::Context& context) const {
  if (auto rules = net::check_rules(*this); !rules) return context.error_at("", rules.error().what);
  if (auto files = net::check_files(*this); !files) context.machine_error_at("", files.error().what);
  else if (auto warning = net::certificate_warning(*this); !warning.empty()) context.warning_at("", warning);
}

std::span<const FieldInfo> ClientKeepalive::fields() {
  using T = ClientKeepalive;
  static const std::array rows{
      field<&T::time>("time", "Silence after which the server is pinged."),
      field<&T::timeout>("timeout", "Time for the answer to a ping."),
      field<&T::permit_without_stream>("permit_without_stream", "Ping without a call under way."),
  };
  return rows;
}

std::span<const FieldInfo> HttpClientKeepalive::fields() {
  using T = HttpClientKeepalive;
  static const std::array rows{
      field<&T::enabled>("enabled", "Further requests use connections that are there; otherwise a connection for each request."),
      field<&T::max_idle_conns>("max_idle_conns", "Connections kept without a request."),
      field<&T::max_idle_conns_per_host>("max_idle_conns_per_host", "The same for one host; 0 is 2."),
      field<&T::idle_conn_timeout>("idle_conn_timeout", "How long a connection is kept without a request."),
  };
  return rows;
}

std::span<const FieldInfo> GrpcClient::fields() {
  using T = GrpcClient;
  static const std::array rows{
      field<&T::endpoint>("endpoint", "host:port; http:// and https:// choose plain text and TLS; dns:///, unix:/path."),
      field<&T::compression>("compression", "gzip, zstd, snappy or none."),
      field<&T::tls>("tls", "TLS is on unless insecure is set."),
      field<&T::keepalive>("keepalive", "Pings on silent connections."),
      config::ignored("read_buffer_size", "buffers are shared by all connections"),
      config::ignored("write_buffer_size", "buffers are shared by all connections"),
      field<&T::wait_for_ready>("wait_for_ready", "Calls wait for a connection instead of failing at once."),
      field<&T::headers>("headers", "Sent with every call."),
      field<&T::balancer_name>("balancer_name", "How calls are spread over a name's addresses.", {.choices = "round_robin|pick_first"}),
      field<&T::authority>("authority", "Value of :authority instead of the endpoint."),
      field<&T::user_agent>("user_agent", "Sent as User-Agent."),
      field<&T::auth>("auth", "Who adds credentials."),
      config::ignored("middlewares", "not supported"),
  };
  return rows;
}

void GrpcClient::validate(config::Context& context) const {
  if (endpoint.empty()) context.error_at("", "requires a non-empty \"endpoint\"");
  else if (auto checked = net::check_endpoint(settings()); !checked) context.error_at("endpoint", checked.error().what);
  check_compression(compression, context);
}

net::GrpcClientSettings GrpcClient::settings() const {
  net::GrpcClientSettings out;
  out.endpoint = endpoint;
  out.tls = tls;
  if (endpoint.starts_with("http://")) out.tls.insecure = true;
  if (endpoint.starts_with("https://")) out.tls.insecure = false;
  out.headers = header_list(headers);
  out.authority = authority;
  out.compression = net_config::compression(compression);
  if (keepalive) out.keepalive = net::ClientKeepalive{keepalive->time, keepalive->timeout, keepalive->permit_without_stream};
  out.wait_for_ready = wait_for_ready;
  out.balancer = balancer_name == "pick_first" ? net::Balancer::pick_first : net::Balancer::round_robin;
  if (!user_agent.empty()) out.user_agent = user_agent;
  return out;
}

std::span<const FieldInfo> HttpClient::fields() {
  using T = HttpClient;
  static const std::array rows{
      field<&T::endpoint>("endpoint", "Base URL."),
      field<&T::proxy_url>("proxy_url", "Proxy to use; otherwise HTTP_PROXY, HTTPS_PROXY and NO_PROXY count."),
      field<&T::tls>("tls", "For https URLs."),
      field<&T::headers>("headers", "Sent with every request."),
      field<&T::compression>("compression", "gzip, zstd, snappy, zlib, deflate, lz4 or none."),
      field<&T::auth>("auth", "Who adds credentials."),
      config::ignored("read_buffer_size", "buffers are shared by all connections"),
      config::ignored("write_buffer_size", "buffers are shared by all connections"),
      config::ignored("compression_params", "the level is the algorithm's default"),
      field<&T::keepalive>("keepalive", "Connections kept for further requests."),
      field<&T::max_idle_conns>("max_idle_conns", "Older spelling of keepalive::max_idle_conns."),
      field<&T::max_idle_conns_per_host>("max_idle_conns_per_host", "Older spelling of keepalive::max_idle_conns_per_host."),
      field<&T::max_conns_per_host>("max_conns_per_host", "Connections to one host; 0 is no limit."),
      field<&T::idle_conn_timeout>("idle_conn_timeout", "Older spelling of keepalive::idle_conn_timeout."),
      field<&T::disable_keep_alives>("disable_keep_alives", "Older spelling of keepalive::enabled, negated."),
      field<&T::http2_read_idle_timeout>("http2_read_idle_timeout", "Silence after which an HTTP/2 server is pinged; 0 is never."),
      field<&T::http2_ping_timeout>("http2_ping_timeout", "Time for the answer; 0 is 15s."),
      field<&T::force_attempt_http2>("force_attempt_http2", "Offer HTTP/2 over TLS."),
      config::ignored("cookies", "no cookies are kept"),
      config::ignored("middlewares", "not supported"),
  };
  return rows;
}

void HttpClient::validate(config::Context& context) const {
  check_compression(compression, context);
  check_proxy(proxy_url, context);
}

net::HttpClientSettings HttpClient::settings() const {
  net::HttpClientSettings out;
  out.tls = tls;
  out.proxy_url = proxy_url;
  out.headers = header_list(headers);
  out.compression = net::http_compression(net_config::compression(compression), compression);
  HttpClientKeepalive kept = keepalive.value_or(HttpClientKeepalive{!disable_keep_alives, max_idle_conns, max_idle_conns_per_host, idle_conn_timeout});
  out.max_idle_conns = kept.max_idle_conns;
  if (kept.max_idle_conns_per_host) out.max_idle_conns_per_host = kept.max_idle_conns_per_host;
  out.idle_conn_timeout = kept.idle_conn_timeout;
  out.disable_keep_alives = !kept.enabled;
  out.max_conns_per_host = max_conns_per_host;
  out.force_attempt_http2 = force_attempt_http2;
  out.http2_read_idle_timeout = http2_read_idle_timeout;
  if (http2_ping_timeout > 0s) out.http2_ping_timeout = http2_ping_timeout;
  return out;
}

}  // namespace weir::net_config
