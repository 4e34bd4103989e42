#pragma once
// http:// and https:// URLs, and which proxy they go through.
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::net {

struct Url {
  bool https = false;
  std::string host;  // without brackets
  std::uint16_t port = 0;
  std::string target;     // path and query, never empty
  std::string user_info;  // "user:password", percent-decoded

  // For Host and :authority: without a port that goes without saying.
  std::string authority() const;
};
Result<Url> parse_url(std::string_view text);

// "[::1]:80", "host:80"
std::string join_host_port(std::string_view host, std::uint16_t port);

// HTTP_PROXY, HTTPS_PROXY and NO_PROXY as Go reads them, lower case first.
struct ProxyRules {
  std::string http, https, no_proxy;

  static ProxyRules from_environment();
  // The proxy for a target, or nothing. Loopback targets go direct.
  std::optional<std::string> proxy_for(bool is_https, std::string_view host, std::uint16_t port) const;
};

}  // namespace weir::net
