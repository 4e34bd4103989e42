#include "net/socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

namespace weir::net {
namespace {

Result<std::uint16_t> parse_port(std::string_view text, std::string_view whole) {
  std::uint16_t port = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size())
    return fail(Errc::config, "endpoint '{}': '{}' is not a port (0 to 65535)", whole, text);
  return port;
}

SocketAddress any_address(int family, std::uint16_t port) {
  SocketAddress out;
  if (family == AF_INET6) {
    auto& in6 = reinterpret_cast<sockaddr_in6&>(out.storage);
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(port);
    out.size = sizeof(sockaddr_in6);
  } else {
    auto& in = reinterpret_cast<sockaddr_in&>(out.storage);
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    out.size = sizeof(sockaddr_in);
  }
  return out;
}

void set_option(int fd, int level, int name, int value) { ::setsockopt(fd, level, name, &value, sizeof value); }

Result<Fd> bind_and_listen(const SocketAddress& address, bool reuse_port, int backlog) {
  Fd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail(Errc::internal, "socket: {}", std::strerror(errno));
  if (address.family() != AF_UNIX) {
    set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
    if (reuse_port) set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1);
    if (address.family() == AF_INET6) set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  }
  if (::bind(fd.get(), address.get(), address.size) != 0 || ::listen(fd.get(), backlog) != 0)
    return fail(Errc::config, "listen {}: {}", to_string(address), std::strerror(errno));
  return fd;
}

// A socket file that nobody listens on any more is in the way of bind().
void remove_stale_unix_socket(const SocketAddress& address, const std::string& path) {
  struct stat info{};
  if (path.starts_with('@') || ::stat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return;
  Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (probe && ::connect(probe.get(), address.get(), address.size) != 0 && errno == ECONNREFUSED)
    ::unlink(path.c_str());
}

Result<Fd> listen_tcp(const SocketAddress& address, const ListenOptions& options) {
  // With SO_REUSEPORT a second process would share the port in silence: ask first without it.
  if (!options.share_port && address.port() != 0) WEIR_TRY(bind_and_listen(address, false, 1));
  return bind_and_listen(address, true, options.backlog);
}

Result<std::vector<SocketAddress>> lookup(const std::string& host, std::uint16_t port, int flags) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) return fail(Errc::retryable, "lookup {}: {}", host, ::gai_strerror(error));
  std::vector<SocketAddress> out;
  for (addrinfo* i = found; i != nullptr; i = i->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, i->ai_addr, i->ai_addrlen);
    address.size = i->ai_addrlen;
    if (std::find(out.begin(), out.end(), address) == out.end()) out.push_back(address);
  }
  ::freeaddrinfo(found);
  return out;
}

}  // namespace

void Fd::reset() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<Endpoint> parse_endpoint(std::string_view text, int default_port) {
  Endpoint out;
  if (text.starts_with("unix:")) {
    std::string_view path = text.substr(5);
    if (path.starts_with("//")) path.remove_prefix(2);
    if (path.empty()) return fail(Errc::config, "endpoint '{}': no path", text);
    out.unix_path = path;
    return out;
  }
  if (auto at = text.rfind('@'); at != text.npos)
    return fail(Errc::config, "endpoint '[REDACTED]{}': a user has no place in it", text.substr(at));
  std::string_view host = text, port;
  if (text.starts_with('[')) {
    std::size_t close = text.find(']');
    if (close == std::string_view::npos) return fail(Errc::config, "endpoint '{}': no ']'", text);
    host = text.substr(1, close - 1);
    port = text.substr(close + 1);
    if (!port.empty() && port.front() != ':') return fail(Errc::config, "endpoint '{}': no ':' after ']'", text);
  } else if (std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    if (text.find(':', colon + 1) != std::string_view::npos)
      return fail(Errc::config, "endpoint '{}': an IPv6 address needs brackets, as in [::1]:4317", text);
    host = text.substr(0, colon);
    port = text.substr(colon);
  }
  if (host.find_first_of(" \t\r\n/?#\"'\\<>{}[]|^`$,;=&!()") != host.npos) return fail(Errc::config, "endpoint '{}': '{}' is no host", text, host);
  out.host = host;
  if (port.empty()) {
    if (default_port < 0) return fail(Errc::config, "endpoint '{}': no port", text);
    out.port = static_cast<std::uint16_t>(default_port);
    return out;
  }
  WEIR_ASSIGN(out.port, parse_port(port.substr(1), text));
  return out;
}

std::uint16_t SocketAddress::port() const {
  if (family() == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(storage).sin_port);
  if (family() == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(storage).sin6_port);
  return 0;
}

bool SocketAddress::operator==(const SocketAddress& other) const {
  return size == other.size && std::memcmp(&storage, &other.storage, size) == 0;
}

std::string to_string(const SocketAddress& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.family() == AF_INET) {
    ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(address.storage).sin_addr, text, sizeof text);
    return fmt::format("{}:{}", text, address.port());
  }
  if (address.family() == AF_INET6) {
    auto& in6 = reinterpret_cast<const sockaddr_in6&>(address.storage).sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&in6)) {
      ::inet_ntop(AF_INET, in6.s6_addr + 12, text, sizeof text);
      return fmt::format("{}:{}", text, address.port());
    }
    ::inet_ntop(AF_INET6, &in6, text, sizeof text);
    return fmt::format("[{}]:{}", text, address.port());
  }
  auto& un = reinterpret_cast<const sockaddr_un&>(address.storage);
  std::size_t used = address.size > offsetof(sockaddr_un, sun_path) ? address.size - offsetof(sockaddr_un, sun_path) : 0;
  if (used == 0) return "unix:";
  if (un.sun_path[0] == '\0') return fmt::format("unix:@{}", std::string_view(un.sun_path + 1, used - 1));
  return fmt::format("unix:{}", std::string_view(un.sun_path, ::strnlen(un.sun_path, used)));
}

Result<SocketAddress> unix_address(const std::string& path) {
  SocketAddress out;
  auto& un = reinterpret_cast<sockaddr_un&>(out.storage);
  if (path.size() >= sizeof un.sun_path) return fail(Errc::config, "unix socket path '{}' is too long", path);
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, path.data(), path.size());
  bool abstract = path.starts_with('@');
  if (abstract) un.sun_path[0] = '\0';
  out.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (abstract ? 0 : 1));
  return out;
}

std::vector<SocketAddress> numeric_address(const std::string& host, std::uint16_t port) {
  return lookup(host, port, AI_NUMERICHOST).value_or(std::vector<SocketAddress>{});
}

Result<std::vector<SocketAddress>> resolve_blocking(const std::string& host, std::uint16_t port) {
  return lookup(host, port, AI_ADDRCONFIG);
}

SocketAddress local_address(int fd) {
  SocketAddress out;
  out.size = sizeof out.storage;
  ::getsockname(fd, out.get(), &out.size);
  return out;
}

Result<Fd> listen_on(const Endpoint& endpoint, const ListenOptions& options) {
  if (endpoint.is_unix()) {
    WEIR_ASSIGN(SocketAddress address, unix_address(endpoint.unix_path));
    remove_stale_unix_socket(address, endpoint.unix_path);
    return bind_and_listen(address, false, options.backlog);
  }
  // As Go does it: either family's "any" is both.
  if (endpoint.host.empty() || endpoint.host == "0.0.0.0" || endpoint.host == "::") {
    auto both = listen_tcp(any_address(AF_INET6, endpoint.port), options);
    if (both) return both;
    return listen_tcp(any_address(AF_INET, endpoint.port), options);
  }
  std::vector<SocketAddress> found = numeric_address(endpoint.host, endpoint.port);
  if (found.empty()) {
    auto resolved = resolve_blocking(endpoint.host, endpoint.port);
    if (!resolved) return fail(Errc::config, "listen: {}", resolved.error().what);
    found = std::move(*resolved);
  }
  // As Go does it: a name with both kinds of address is listened to on IPv4.
  auto v4 = std::find_if(found.begin(), found.end(), [](auto& a) { return a.family() == AF_INET; });
  return listen_tcp(v4 != found.end() ? *v4 : found.front(), options);
}

Result<Fd> start_connect(const SocketAddress& address) {
  Fd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail(Errc::retryable, "socket: {}", std::strerror(errno));
  if (address.family() != AF_UNIX) set_no_delay(fd.get());
  if (::connect(fd.get(), address.get(), address.size) != 0 && errno != EINPROGRESS)
    return fail(Errc::retryable, "connect {}: {}", to_string(address), std::strerror(errno));
  return fd;
}

int socket_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

void set_no_delay(int fd) { set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1); }

}  // namespace weir::net
