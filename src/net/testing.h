#pragma once
// What the tests of this folder share: a peer that says exactly the bytes it is told to, and a handler made of lambdas.
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "net/server.h"
#include "net/socket.h"

namespace weir::net::testing {

// A plain socket to 127.0.0.1, read while the loop runs.
class RawPeer {
 public:
  RawPeer(io::Loop& loop, std::uint16_t port) : loop_(loop) {
    auto fd = start_connect(numeric_address("127.0.0.1", port).at(0));
    REQUIRE(fd);
    fd_ = std::move(*fd);
  }

  // Gives up silently when the other side has closed: the test sees what it answered.
  void send(std::string_view bytes) {
    REQUIRE(loop_.run_until([&] {
      read_some();
      ssize_t n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
      if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) return true;
      if (!bytes.empty()) loop_.run_once(1ms);
      return bytes.empty();
    }));
  }
  void finish_sending() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }

  const std::string& received() {
    read_some();
    return received_;
  }
  bool closed() {
    read_some();
    return closed_;
  }
  std::string take() { return std::exchange(received_, {}); }
  bool wait_for(std::string_view text) {
    return step([&] { return received_.find(text) != std::string::npos || closed_; }) &&
           received_.find(text) != std::string::npos;
  }
  bool wait_closed() {
    return step([&] { return closed_; });
  }
  int fd() const { return fd_.get(); }

 private:
  bool step(const std::function<bool()>& done) {
    TimePoint end = loop_.now() + 20s;
    for (;;) {
      read_some();
      if (done()) return true;
      if (loop_.now() > end) return false;
      loop_.run_once(1ms);
    }
  }
  void read_some() {
    char buffer[65536];
    for (;;) {
      ssize_t n = ::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
      if (n > 0) received_.append(buffer, static_cast<std::size_t>(n));
      else {
        closed_ = closed_ || n == 0 || (errno != EAGAIN && errno != ENOTCONN);
        return;
      }
    }
  }
  io::Loop& loop_;
  Fd fd_;
  std::string received_;
  bool closed_ = false;
};

// The other end of a connection within this process.
inline int other_end(int fd) {
  sockaddr_in own{}, peer{};
  socklen_t size = sizeof own;
  REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) == 0);
  for (int i = 0; i < 1024; ++i)
    if (socklen_t n = sizeof peer; ::getpeername(i, reinterpret_cast<sockaddr*>(&peer), &n) == 0 && peer.sin_family == AF_INET && peer.sin_port == own.sin_port)
      return i;
  return -1;
}

// Whether its end of a connection acknowledges what comes without waiting for something to send. True also once it has waited in vain.
inline bool acknowledges_at_once(int fd) {
  int quick = 0;
  socklen_t size = sizeof quick;
  REQUIRE(::getsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &quick, &size) == 0);
  return quick != 0;
}

// Answers with what it was given; keeps what it has seen.
struct EchoHandler : Handler {
  std::vector<Request> seen;
  std::vector<Responder> open;  // when `hold`
  std::vector<Error> errors;
  std::string refused;          // what came of bodies that were not taken, taken apart
  bool hold = false;
  std::function<std::optional<Answer>(const RequestHead&)> head;

  std::optional<Answer> on_head(const RequestHead& request) override {
    return head ? head(request) : std::nullopt;
  }
  void on_request(Request request, Responder responder) override {
    Answer answer = echo(request);
    seen.push_back(std::move(request));
    if (hold) open.push_back(std::move(responder));
    else responder.answer(std::move(answer));
  }
  std::unique_ptr<PassingBody> on_refused_body(const RequestHead&) override {
    struct Kept : PassingBody {
      explicit Kept(std::string& s) : to(s) {}
      void take(std::string_view part) override { to += part; }
      std::string& to;
    };
    return std::make_unique<Kept>(refused);
  }
  Answer on_error(const RequestHead& request, const Error& error, int status) override {
    errors.push_back(error);
    return Handler::on_error(request, error, status);
  }
  static Answer echo(const Request& request) {
    if (request.is_grpc) return GrpcAnswer{.payload = request.body};
    Response response{.body = request.body};
    response.headers.add("content-type", "text/x-echo");
    return response;
  }
};

// A body of so many parts, each a repeated letter; counts those that were made.
struct Letters : BodySource {
  Letters(int parts, std::size_t size, int& made) : parts_(parts), size_(size), made_(made) {}
  bool next(std::string& out) override {
    out.append(size_, static_cast<char>('a' + made_ % 26));
    return ++made_ < parts_;
  }

 private:
  int parts_;
  std::size_t size_;
  int& made_;
};

inline ServerSettings loopback() {
  ServerSettings settings;
  settings.endpoint = "127.0.0.1:0";
  return settings;
}

struct TestServer {
  io::Loop loop;
  Budget budget;
  EchoHandler handler;
  std::unique_ptr<Server> server;

  explicit TestServer(ServerSettings settings = loopback(), std::size_t budget_bytes = SIZE_MAX / 2)
      : budget(budget_bytes) {
    auto made = Server::listen(loop, std::move(settings), budget, handler);
    REQUIRE_MESSAGE(made, (made ? "" : made.error().what));
    server = std::move(*made);
  }
  ~TestServer() {
    handler.open.clear();
    server.reset();
    handler.seen.clear();
    CHECK(budget.used() == 0);
  }
  RawPeer peer() { return {loop, server->port()}; }
  bool until(const std::function<bool()>& done) {
    for (int i = 0; i < 20'000; ++i) {
      if (done()) return true;
      loop.run_once(1ms);
    }
    return false;
  }
};

}  // namespace weir::net::testing
