#pragma once
// How HTTP requests of Prometheus are made: for scraping and for discovery.
#include "components/shared/scrape/config/prom_types.h"
#include "net/client.h"

namespace weir::scrape {

struct BasicAuth {
  std::string username, username_file;
  config::Secret password;
  std::string password_file;
  static std::span<const config::FieldInfo> fields();
};

struct Authorization {
  std::string type = "Bearer";
  config::Secret credentials;
  std::string credentials_file;
  static std::span<const config::FieldInfo> fields();
};

struct TlsConfig {
  std::string ca, ca_file, cert, cert_file, key_file;
  config::Secret key;
  std::string server_name;
  bool insecure_skip_verify = false;
  std::string min_version, max_version;  // TLS10 … TLS13
  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
  // What is wrong on every machine.
  Result<> check() const;
  net::TlsClientSettings settings() const;
};

struct ProxyConfig {
  std::string proxy_url, no_proxy;
  bool proxy_from_environment = false;
  std::map<std::string, std::vector<config::Secret>> proxy_connect_header;
  static std::span<const config::FieldInfo> fields();
  Result<> check() const;
};

struct OAuth2 {
  std::string client_id;
  config::Secret client_secret;
  std::string client_secret_file;
  std::string grant_type = "client_credentials";
  std::vector<std::string> scopes;
  std::string token_url;
  std::map<std::string, std::string> endpoint_params;
  TlsConfig tls_config;
  ProxyConfig proxy;
  static std::span<const config::FieldInfo> fields();
};

struct HeaderValues {
  std::vector<std::string> values;
  std::vector<config::Secret> secrets;
  std::vector<std::string> files;
  static std::span<const config::FieldInfo> fields();
};

struct HttpConfig {
  std::optional<BasicAuth> basic_auth;
  std::optional<Authorization> authorization;
  std::optional<OAuth2> oauth2;
  config::Secret bearer_token;
  std::string bearer_token_file;
  TlsConfig tls_config;
  bool follow_redirects = true, enable_http2 = true;
  ProxyConfig proxy;
  std::map<std::string, HeaderValues> http_headers;

  static std::span<const config::FieldInfo> fields();
  // What does not go together.
  Result<> check() const;
  // All but what the Fetcher adds to each request.
  net::HttpClientSettings settings() const;
};

}  // namespace weir::scrape
