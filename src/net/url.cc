#include "net/url.h"

#include <arpa/inet.h>

#include <charconv>

#include "base/mask.h"
#include "base/text.h"
#include "net/socket.h"

namespace weir::net {
namespace {

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string byte;
    if (text[i] == '%' && i + 2 < text.size() && from_hex(text.substr(i + 1, 2), byte)) {
      out += byte;
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

const char* variable(const char* lower, const char* upper) {
  const char* value = std::getenv(lower);
  if (value == nullptr || *value == '\0') value = std::getenv(upper);
  return value == nullptr ? "" : value;
}

// "10.0.0.0/8" against "10.1.2.3". IPv4 and IPv6.
bool in_network(std::string_view network, const std::string& host) {
  std::size_t slash = network.find('/');
  unsigned bits = 0;
  if (slash == std::string_view::npos) return false;
  std::string_view digits = network.substr(slash + 1);
  if (std::from_chars(digits.data(), digits.data() + digits.size(), bits).ec != std::errc{}) return false;
  std::string base(network.substr(0, slash));
  for (int family : {AF_INET, AF_INET6}) {
    std::array<unsigned char, 16> a{}, b{};
    if (::inet_pton(family, base.c_str(), a.data()) != 1 || ::inet_pton(family, host.c_str(), b.data()) != 1) continue;
    if (bits > (family == AF_INET ? 32u : 128u)) return false;
    for (unsigned i = 0; i < bits; ++i)
      if ((a[i / 8] ^ b[i / 8]) & (0x80 >> i % 8)) return false;
    return true;
  }
  return false;
}

bool matches_no_proxy(std::string_view rule, const std::string& host, std::uint16_t port) {
  if (rule == "*") return true;
  if (rule.find('/') != std::string_view::npos) return in_network(rule, host);
  if (auto colon = rule.rfind(':'); colon != std::string_view::npos && rule.find(':') == colon) {
    if (rule.substr(colon + 1) != std::to_string(port)) return false;
    rule = rule.substr(0, colon);
  }
  if (rule.starts_with("*.")) rule.remove_prefix(1);
  if (rule.starts_with('.')) return host.size() > rule.size() && std::string_view(host).ends_with(rule);
  return host == rule || (host.size() > rule.size() && std::string_view(host).ends_with(fmt::format(".{}", rule)));
}

}  // namespace

std::string join_host_port(std::string_view host, std::uint16_t port) {
  return host.find(':') == std::string_view::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

std::string Url::authority() const {
  if (port != (https ? 443 : 80)) return join_host_port(host, port);
  return host.find(':') == std::string::npos ? host : fmt::format("[{}]", host);
}

Result<Url> parse_url(std::string_view text) {
  Url out;
  std::size_t scheme = text.find("://");
  std::string shown = mask_urls(text);
  if (scheme == std::string_view::npos) return fail(Errc::invalid, "url '{}': no scheme", shown);
  std::string name = to_lower(text.substr(0, scheme));
  if (name != "http" && name != "https") return fail(Errc::invalid, "url '{}': unsupported scheme", shown);
  out.https = name == "https";
  std::string_view rest = text.substr(scheme + 3);
  std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view authority = rest.substr(0, end), target = rest.substr(end);
  target = target.substr(0, target.find('#'));
  if (std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
    out.user_info = percent_decoded(authority.substr(0, at));
    authority = authority.substr(at + 1);
  }
  auto endpoint = parse_endpoint(authority, out.https ? 443 : 80);
  if (!endpoint) return fail(Errc::invalid, "url '{}': {}", shown, endpoint.error().what);
  if (endpoint->is_unix() || endpoint->host.empty()) return fail(Errc::invalid, "url '{}': no host", shown);
  for (char c : target)
    if (c <= ' ' || c == 0x7F) return fail(Errc::invalid, "url '{}': blanks in it", shown);
  out.host = endpoint->host;
  out.port = endpoint->port;
  out.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  return out;
}

ProxyRules ProxyRules::from_environment() {
  return {variable("http_proxy", "HTTP_PROXY"), variable("https_proxy", "HTTPS_PROXY"), variable("no_proxy", "NO_PROXY")};
}

std::optional<std::string> ProxyRules::proxy_for(bool is_https, std::string_view host_text, std::uint16_t port) const {
  const std::string& proxy = is_https ? https : http;
  std::string host = to_lower(host_text);
  if (proxy.empty() || host == "localhost" || in_network("127.0.0.0/8", host) || host == "::1") return std::nullopt;
  for (std::string_view rule : split(no_proxy, ','))
    if (rule = trim(rule); !rule.empty() && matches_no_proxy(to_lower(rule), host, port)) return std::nullopt;
  return proxy.find("://") == std::string::npos ? "http://" + proxy : proxy;
}

}  // namespace weir::net
