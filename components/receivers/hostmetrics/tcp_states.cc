#include "components/receivers/hostmetrics/tcp_states.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstring>

namespace weir::receivers::hostmetrics {
namespace {

// Both are in the same network: each network has files of its own there. /proc/1/ns would say so too, but not to everybody.
bool same_network(const std::string& root) {
  struct stat first {}, own {};
  if (::stat((root + "/proc/1/net/tcp").c_str(), &first) != 0 || ::stat("/proc/self/net/tcp", &own) != 0) return false;
  return first.st_ino == own.st_ino;
}

struct Request {
  nlmsghdr header;
  inet_diag_req body;
};

// The older request: it asks for both families at once.
bool ask(int fd) {
  Request request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = TCPDIAG_GETSOCK;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.body.idiag_family = AF_INET;
  request.body.idiag_states = ~0u;
  return ::send(fd, &request, sizeof request, 0) == static_cast<ssize_t>(sizeof request);
}

enum class Answer { more, done, failed };

Answer count(const char* at, std::size_t left, TcpStates& out) {
  nlmsghdr header;
  while (left >= sizeof header) {
    std::memcpy(&header, at, sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > left) return Answer::failed;
    if (header.nlmsg_type == NLMSG_DONE) return Answer::done;
    if (header.nlmsg_type == NLMSG_ERROR) return Answer::failed;
    inet_diag_msg socket;
    if (header.nlmsg_len >= sizeof header + sizeof socket) {
      std::memcpy(&socket, at + sizeof header, sizeof socket);
      if (socket.idiag_state < out.size()) ++out[socket.idiag_state];
    }
    std::size_t step = std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), left);
    at += step;
    left -= step;
  }
  return Answer::more;
}

std::optional<TcpStates> read_answer(int fd) {
  TcpStates out{};
  std::array<char, 32768> buffer;
  while (true) {
    ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (n <= 0) return {};
    Answer answer = count(buffer.data(), static_cast<std::size_t>(n), out);
    if (answer == Answer::failed) return {};
    if (answer == Answer::done) return out;
  }
}

}  // namespace

std::optional<TcpStates> count_tcp_states(const std::string& root) {
  if (!same_network(root)) return {};
  int fd = ::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (fd < 0) return {};
  timeval patience{.tv_sec = 1, .tv_usec = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  auto out = ask(fd) ? read_answer(fd) : std::nullopt;
  ::close(fd);
  return out;
}

}  // namespace weir::receivers::hostmetrics
