#include "net/datagram.h"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "io/loop_of.h"

namespace weir::net {
namespace {

constexpr int datagrams_a_turn = 64;

Result<Fd> bind_to(const SocketAddress& address, bool share_port) {
  Fd fd(::socket(address.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail(Errc::config, "socket for {}: {}", to_string(address), std::strerror(errno));
  int on = 1, off = 0;
  if (address.family() == AF_INET6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (share_port) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on);
  if (::bind(fd.get(), address.get(), address.size) != 0)
    return fail(Errc::config, "listen {}: {}", to_string(address), std::strerror(errno));
  return fd;
}

// Unless another core of this process has it already, a port that anybody listens on is an error: a first bind without
// SO_REUSEPORT finds that out.
Result<Fd> bind_port(const SocketAddress& address, bool share_port) {
  if (!share_port && address.family() != AF_UNIX && address.port() != 0) {
    WEIR_ASSIGN(Fd probe, bind_to(address, false));
    probe.reset();
  }
  return bind_to(address, address.family() != AF_UNIX);
}

SocketAddress any_address(int family, std::uint16_t port) {
  SocketAddress out;
  if (family == AF_INET6) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&out.storage);
    *v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    out.size = sizeof *v6;
  } else {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&out.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    out.size = sizeof *v4;
  }
  return out;
}

Result<Fd> bind_endpoint(const Endpoint& endpoint, bool share_port) {
  if (endpoint.is_unix()) {
    WEIR_ASSIGN(auto address, unix_address(endpoint.unix_path));
    if (endpoint.unix_path.front() != '@') ::unlink(endpoint.unix_path.c_str());  // left by an earlier run
    return bind_port(address, share_port);
  }
  if (endpoint.host.empty()) {  // every address, of both families where there is IPv6
    auto both = bind_port(any_address(AF_INET6, endpoint.port), share_port);
    return both ? std::move(both) : bind_port(any_address(AF_INET, endpoint.port), share_port);
  }
  std::vector<SocketAddress> addresses = numeric_address(endpoint.host, endpoint.port);
  if (addresses.empty()) {
    WEIR_ASSIGN(addresses, resolve_blocking(endpoint.host, endpoint.port));
  }
  return bind_port(addresses.front(), share_port);
}

}  // namespace

Result<std::unique_ptr<DatagramSocket>> DatagramSocket::listen(io::Executor& executor, DatagramSettings settings, OnDatagram on_datagram) {
  io::Loop& loop = io::loop_of(executor);
  WEIR_ASSIGN(Endpoint endpoint, parse_endpoint(settings.endpoint));
  WEIR_ASSIGN(Fd fd, bind_endpoint(endpoint, settings.share_port));
  if (settings.permissions >= 0 && endpoint.is_unix() && endpoint.unix_path.front() != '@' && ::chmod(endpoint.unix_path.c_str(), static_cast<mode_t>(settings.permissions)) != 0)
    return fail(Errc::config, "permissions of {}: {}", endpoint.unix_path, std::strerror(errno));
  if (settings.receive_buffer > 0) {
    int bytes = static_cast<int>(std::min<std::size_t>(settings.receive_buffer, INT_MAX));
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  }
  settings.max_size = std::min(settings.max_size, io::Loop::scratch_bytes);
  std::unique_ptr<DatagramSocket> out(new DatagramSocket(loop, std::move(settings), std::move(on_datagram), std::move(fd)));
  WEIR_ASSIGN(out->watch_, loop.watch(out->fd_.get(), EPOLLIN, *out));
  return out;
}

DatagramSocket::DatagramSocket(io::Loop& loop, DatagramSettings settings, OnDatagram on_datagram, Fd fd)
    : loop_(loop), settings_(std::move(settings)), on_datagram_(std::move(on_datagram)), fd_(std::move(fd)) {}

DatagramSocket::~DatagramSocket() {
  if (gone_ != nullptr) *gone_ = true;
  if (watch_ != 0) loop_.unwatch(watch_);
}

std::string DatagramSocket::endpoint() const { return to_string(local_address(fd_.get())); }

void DatagramSocket::on_ready(std::uint32_t) {
  bool gone = false;
  gone_ = &gone;
  for (int i = 0; i < datagrams_a_turn; ++i) {
    bool more = receive_one();
    if (gone) return;
    if (!more) break;  // level-triggered: what is left comes with the next round
  }
  gone_ = nullptr;
}

bool DatagramSocket::receive_one() {
  std::span<char> scratch = io::Loop::scratch();
  SocketAddress peer;
  iovec piece{.iov_base = scratch.data(), .iov_len = settings_.max_size};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(std::uint32_t))];
  msghdr message{};
  message.msg_name = peer.get(), message.msg_namelen = sizeof peer.storage;
  message.msg_iov = &piece, message.msg_iovlen = 1;
  message.msg_control = control, message.msg_controllen = sizeof control;
  ssize_t size = ::recvmsg(fd_.get(), &message, 0);
  if (size < 0) return errno == EINTR || errno == ECONNREFUSED;
  peer.size = message.msg_namelen;
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at))
    if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SO_RXQ_OVFL) {
      std::uint32_t dropped;
      std::memcpy(&dropped, CMSG_DATA(at), sizeof dropped);
      overflowed_ = dropped;
    }
  on_datagram_({{scratch.data(), static_cast<std::size_t>(size)}, (message.msg_flags & MSG_TRUNC) != 0, peer});
  return true;
}

}  // namespace weir::net
