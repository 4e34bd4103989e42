#pragma once
// Addresses and non-blocking sockets.
#include <sys/socket.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::net {

// A file descriptor that closes itself.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Fd() { reset(); }

  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  void reset();
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// What users write as an endpoint: host:port, :port, [v6]:port or unix:path.
struct Endpoint {
  std::string host;  // without brackets; empty = every address
  std::uint16_t port = 0;
  std::string unix_path;  // "@name" = abstract

  bool is_unix() const { return !unix_path.empty(); }
};
// `default_port` < 0: a port is required.
Result<Endpoint> parse_endpoint(std::string_view text, int default_port = -1);

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  int family() const { return storage.ss_family; }
  std::uint16_t port() const;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  bool operator==(const SocketAddress& other) const;
};
// "10.0.0.1:80", "[::1]:80", "unix:/run/x".
std::string to_string(const SocketAddress& address);

Result<SocketAddress> unix_address(const std::string& path);
// IPv4 and IPv6 literals; nothing for names.
std::vector<SocketAddress> numeric_address(const std::string& host, std::uint16_t port);
// Asks the system's resolver and waits for it.
Result<std::vector<SocketAddress>> resolve_blocking(const std::string& host, std::uint16_t port);

SocketAddress local_address(int fd);

struct ListenOptions {
  int backlog = 4096;
  bool share_port = false;  // another socket of this process listens there already
};
// Listens with SO_REUSEPORT. Unless `share_port`, a port on which anybody listens is an error.
Result<Fd> listen_on(const Endpoint& endpoint, const ListenOptions& options);

// A connection that may still be under way: wait until it can be written, then ask socket_error().
Result<Fd> start_connect(const SocketAddress& address);
// 0 or an errno.
int socket_error(int fd);
void set_no_delay(int fd);

}  // namespace weir::net
