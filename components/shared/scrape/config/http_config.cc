#include "components/shared/scrape/config/http_config.h"

#include <algorithm>

#include "base/text.h"
#include "net/url.h"

namespace weir::scrape {

namespace {

// What a request has of its own, or would be another request with.
bool is_reserved(std::string_view header) {
  constexpr std::string_view names[] = {"authorization", "host", "content-encoding", "content-length", "content-type", "user-agent", "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "www-authenticate", "accept-encoding",
                                        "x-prometheus-remote-write-version", "x-prometheus-remote-read-version", "x-prometheus-scrape-timeout-seconds", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"};
  std::string name = to_lower(header);
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

}  // namespace

using config::embedded;
using config::field;
using config::FieldInfo;

std::span<const FieldInfo> BasicAuth::fields() {
  static const std::array rows{
      field<&BasicAuth::username>("username", "User."),
      field<&BasicAuth::username_file>("username_file", "File with the user, read for each request."),
      field<&BasicAuth::password>("password", "Password."),
      field<&BasicAuth::password_file>("password_file", "File with the password, read for each request."),
  };
  return rows;
}

std::span<const FieldInfo> Authorization::fields() {
  static const std::array rows{
      field<&Authorization::type>("type", "First word of the header Authorization."),
      field<&Authorization::credentials>("credentials", "What stands behind it."),
      field<&Authorization::credentials_file>("credentials_file", "File with it, read for each request."),
  };
  return rows;
}

std::span<const FieldInfo> TlsConfig::fields() {
  using T = TlsConfig;
  constexpr std::string_view versions = "|TLS10|TLS11|TLS12|TLS13";
  static const std::array rows{
      field<&T::ca>("ca", "Authorities to trust, as PEM text."),
      field<&T::ca_file>("ca_file", "File with them."),
      field<&T::cert>("cert", "Certificate to show, as PEM text."),
      field<&T::cert_file>("cert_file", "File with it."),
      field<&T::key>("key", "Its key, as PEM text."),
      field<&T::key_file>("key_file", "File with it."),
      field<&T::server_name>("server_name", "Name to ask for and verify instead of the address."),
      field<&T::insecure_skip_verify>("insecure_skip_verify", "Accept any certificate."),
      field<&T::min_version>("min_version", "Oldest TLS version.", {.choices = versions}),
      field<&T::max_version>("max_version", "Newest TLS version.", {.choices = versions}),
  };
  return rows;
}

void TlsConfig::validate(config::Context& context) const {
  if (auto good = check(); !good) return context.error_at("", good.error().what);
  if (auto files = net::check_files(settings()); !files) context.machine_error_at("", files.error().what);
}

Result<> TlsConfig::check() const {
  auto both = [](bool a, bool b, std::string_view what) -> Result<> {
    if (a && b) return fail(Errc::config, "at most one of {} and {}_file must be configured", what, what);
    return {};
  };
  WEIR_TRY(both(!ca.empty(), !ca_file.empty(), "ca"));
  WEIR_TRY(both(!cert.empty(), !cert_file.empty(), "cert"));
  WEIR_TRY(both(!key.empty(), !key_file.empty(), "key"));
  bool has_cert = !cert.empty() || !cert_file.empty(), has_key = !key.empty() || !key_file.empty();
  if (has_cert != has_key) return fail(Errc::config, "exactly one of cert or cert_file, and exactly one of key or key_file, must be configured when a client certificate is used");
  if (!min_version.empty() && !max_version.empty() && max_version < min_version)
    return fail(Errc::config, "tls_config.max_version must be greater than or equal to tls_config.min_version if both are specified");
  return net::check_rules(settings());
}

net::TlsClientSettings TlsConfig::settings() const {
  auto version = [](const std::string& name) { return name.empty() ? std::string() : fmt::format("1.{}", name.back()); };
  net::TlsClientSettings out;
  out.ca_file = ca_file;
  out.ca_pem = ca;
  out.cert_file = cert_file;
  out.cert_pem = cert;
  out.key_file = key_file;
  out.key_pem = key.reveal();
  out.server_name_override = server_name;
  out.insecure_skip_verify = insecure_skip_verify;
  if (!min_version.empty()) out.min_version = version(min_version);
  out.max_version = version(max_version);
  out.reload_interval = 5s;
  return out;
}

std::span<const FieldInfo> ProxyConfig::fields() {
  using T = ProxyConfig;
  static const std::array rows{
      field<&T::proxy_url>("proxy_url", "Proxy to use."),
      field<&T::no_proxy>("no_proxy", "Hosts, networks and domains that are asked without proxy_url, separated by commas."),
      field<&T::proxy_from_environment>("proxy_from_environment", "Use HTTP_PROXY, HTTPS_PROXY and NO_PROXY."),
      field<&T::proxy_connect_header>("proxy_connect_header", "Headers for the proxy when it is asked for a tunnel."),
  };
  return rows;
}

Result<> ProxyConfig::check() const {
  if (!proxy_connect_header.empty() && !proxy_from_environment && proxy_url.empty())
    return fail(Errc::config, "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured");
  if (proxy_from_environment && !proxy_url.empty()) return fail(Errc::config, "if proxy_from_environment is configured, proxy_url must not be configured");
  if (proxy_from_environment && !no_proxy.empty()) return fail(Errc::config, "if proxy_from_environment is configured, no_proxy must not be configured");
  if (proxy_url.empty() && !no_proxy.empty()) return fail(Errc::config, "if no_proxy is configured, proxy_url must also be configured");
  if (!proxy_url.empty()) WEIR_TRY(net::parse_url(proxy_url));
  return {};
}

std::span<const FieldInfo> OAuth2::fields() {
  using T = OAuth2;
  static const std::array rows{
      field<&T::client_id>("client_id", "Who asks for a token."),
      field<&T::client_secret>("client_secret", "Its secret."),
      field<&T::client_secret_file>("client_secret_file", "File with the secret."),
      field<&T::grant_type>("grant_type", "How the token is asked for.", {.choices = "|client_credentials"}),
      field<&T::scopes>("scopes", "What the token is for."),
      field<&T::token_url>("token_url", "Where tokens are."),
      field<&T::endpoint_params>("endpoint_params", "More parameters of the request for a token."),
      field<&T::tls_config>("tls_config", "TLS of that request."),
      embedded<&T::proxy>(),
  };
  return rows;
}

std::span<const FieldInfo> HeaderValues::fields() {
  using T = HeaderValues;
  static const std::array rows{
      field<&T::values>("values", "Values."),
      field<&T::secrets>("secrets", "Values that are not shown."),
      field<&T::files>("files", "Files with values, read for each request."),
  };
  return rows;
}

std::span<const FieldInfo> HttpConfig::fields() {
  using T = HttpConfig;
  static const std::array rows{
      field<&T::basic_auth>("basic_auth", "User and password."),
      field<&T::authorization>("authorization", "The header Authorization."),
      field<&T::oauth2>("oauth2", "A token from an OAuth 2 server."),
      field<&T::bearer_token>("bearer_token", "As authorization::credentials."),
      field<&T::bearer_token_file>("bearer_token_file", "As authorization::credentials_file."),
      field<&T::tls_config>("tls_config", "TLS for https."),
      field<&T::follow_redirects>("follow_redirects", "Go where an answer sends us. Credentials are not sent to another host."),
      field<&T::enable_http2>("enable_http2", "Offer HTTP/2 over TLS."),
      embedded<&T::proxy>(),
      field<&T::http_headers>("http_headers", "More headers of each request."),
  };
  return rows;
}

Result<> HttpConfig::check() const {
  bool token = !bearer_token.empty(), token_file = !bearer_token_file.empty();
  if (token && token_file) return fail(Errc::config, "at most one of bearer_token & bearer_token_file must be configured");
  if ((basic_auth || oauth2) && (token || token_file)) return fail(Errc::config, "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured");
  if (basic_auth && !basic_auth->username.empty() && !basic_auth->username_file.empty())
    return fail(Errc::config, "at most one of basic_auth username, username_file & username_ref must be configured");
  if (basic_auth && !basic_auth->password.empty() && !basic_auth->password_file.empty())
    return fail(Errc::config, "at most one of basic_auth password, password_file & password_ref must be configured");
  if (authorization) {
    if (token || token_file) return fail(Errc::config, "authorization is not compatible with bearer_token & bearer_token_file");
    if (!authorization->credentials.empty() && !authorization->credentials_file.empty())
      return fail(Errc::config, "at most one of authorization credentials & credentials_file must be configured");
    if (equal_ignore_case(trim(authorization->type), "basic")) return fail(Errc::config, "authorization type cannot be set to \"basic\", use \"basic_auth\" instead");
    if (basic_auth || oauth2) return fail(Errc::config, "at most one of basic_auth, oauth2 & authorization must be configured");
  }
  if (oauth2) {
    if (basic_auth) return fail(Errc::config, "at most one of basic_auth, oauth2 & authorization must be configured");
    if (oauth2->client_id.empty()) return fail(Errc::config, "oauth2 client_id must be configured");
    if (oauth2->token_url.empty()) return fail(Errc::config, "oauth2 token_url must be configured");
    if (!oauth2->client_secret.empty() && !oauth2->client_secret_file.empty())
      return fail(Errc::config, "at most one of oauth2 client_secret, client_secret_file & client_secret_ref must be configured using grant-type=client_credentials");
    WEIR_TRY(oauth2->proxy.check());
  }
  for (auto& [name, header] : http_headers)
    if (is_reserved(name)) return fail(Errc::config, "setting header \"{}\" is not allowed", name);
  return proxy.check();
}

net::HttpClientSettings HttpConfig::settings() const {
  net::HttpClientSettings out;
  out.tls = tls_config.settings();
  out.force_attempt_http2 = enable_http2;
  out.proxy_url = proxy.proxy_url;
  out.no_proxy = proxy.no_proxy;
  out.proxy_from_environment = proxy.proxy_from_environment;
  for (auto& [name, values] : proxy.proxy_connect_header)
    for (auto& value : values) out.proxy_connect_headers.add(name, value.reveal());
  out.idle_conn_timeout = 5min;  // longer than the time between two scrapes
  out.max_idle_conns = 0;
  out.max_idle_conns_per_host = 1000;
  return out;
}

}  // namespace weir::scrape
