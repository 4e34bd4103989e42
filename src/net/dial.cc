#include "net/dial.h"

#include <openssl/ssl.h>
#include <sys/epoll.h>

#include <mutex>
#include <system_error>
#include <thread>

#include "base/log.h"
#include "net/http1.h"

namespace weir::net {

struct Lookup::Shared {
  std::mutex mutex;
  io::Executor* executor = nullptr;  // null = cancelled
  Done done;
};

namespace {

void deliver(const std::shared_ptr<Lookup::Shared>& shared, Result<std::vector<SocketAddress>> result);

}  // namespace

Lookup::Lookup(io::Executor& executor, const std::string& host, std::uint16_t port, Done done)
    : shared_(std::make_shared<Shared>()) {
  shared_->executor = &executor;
  shared_->done = std::move(done);
  auto literal = numeric_address(host, port);
  if (!literal.empty()) {
    deliver(shared_, std::move(literal));
    return;
  }
  try {
    std::thread([shared = shared_, host, port] { deliver(shared, resolve_blocking(host, port)); }).detach();
  } catch (const std::system_error& error) {
    deliver(shared_, fail(Errc::retryable, "lookup {}: no thread: {}", host, error.what()));
  }
}

Lookup::~Lookup() {
  std::lock_guard lock(shared_->mutex);
  shared_->executor = nullptr;
  shared_->done = nullptr;
}

namespace {

void deliver(const std::shared_ptr<Lookup::Shared>& shared, Result<std::vector<SocketAddress>> result) {
  std::lock_guard lock(shared->mutex);
  if (shared->executor == nullptr) return;
  shared->executor->post([shared, r = std::move(result)]() mutable {
    Lookup::Done done;
    {
      std::lock_guard inner(shared->mutex);
      done = std::move(shared->done);
      shared->done = nullptr;
    }
    if (done) done(std::move(r));
  });
}

}  // namespace

Dial::Dial(io::Loop& loop, DialPlan plan, Done done) : loop_(loop), plan_(std::move(plan)), done_(std::move(done)) {
  timer_ = loop_.after(plan_.timeout, [this] { finish(fail(Errc::retryable, "connect: timed out ({})", last_error_)); });
  start_ = loop_.at(loop_.now(), [this] {
    start_ = 0;
    next_address();
  });
}

Dial::~Dial() {
  loop_.cancel(timer_);
  loop_.cancel(start_);
  loop_.cancel(attempt_);
  loop_.unwatch(watch_);
}

void Dial::finish(Result<Stream> result) {
  loop_.cancel(std::exchange(timer_, 0));
  loop_.cancel(std::exchange(attempt_, 0));
  loop_.unwatch(std::exchange(watch_, 0));
  Done done = std::move(done_);
  done(std::move(result));
}

void Dial::give_up(std::string reason) {
  last_error_ = std::move(reason);
  next_address();
}

void Dial::next_address() {
  loop_.unwatch(std::exchange(watch_, 0));
  loop_.cancel(std::exchange(attempt_, 0));
  stream_ = Stream();
  while (next_ < plan_.addresses.size()) {
    const SocketAddress& address = plan_.addresses[next_++];
    auto fd = start_connect(address);
    if (!fd) {
      last_error_ = fd.error().what;
      continue;
    }
    stream_ = Stream(std::move(*fd));
    step_ = Step::connecting;
    auto watch = loop_.watch(stream_.fd(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this);
    if (!watch) return finish(fail(watch.error()));
    watch_ = *watch;
    if (next_ < plan_.addresses.size())
      attempt_ = loop_.after(plan_.timeout / static_cast<int>(plan_.addresses.size()), [this] {
        attempt_ = 0;
        give_up(fmt::format("connect {}: no answer", peer()));
      });
    return;
  }
  finish(fail(Errc::retryable, "{}", last_error_));
}

void Dial::on_ready(std::uint32_t events) {
  switch (step_) {
    case Step::connecting:
      if (int error = socket_error(stream_.fd()); error != 0)
        return give_up(fmt::format("connect {}: {}", peer(), std::strerror(error)));
      if (events & EPOLLOUT) connected();
      return;
    case Step::asking_proxy: return read_proxy();
    case Step::shaking_hands: return shake_hands();
  }
}

void Dial::connected() { plan_.tunnel_to.empty() ? secure() : ask_proxy(); }

void Dial::ask_proxy() {
  step_ = Step::asking_proxy;
  proxy_answer_.clear();
  std::string request = fmt::format("CONNECT {0} HTTP/1.1\r\nhost: {0}\r\n", plan_.tunnel_to);
  if (!plan_.proxy_authorization.empty()) request += fmt::format("proxy-authorization: {}\r\n", plan_.proxy_authorization);
  for (auto [name, value] : plan_.proxy_headers)
    if (valid_header_name(name) && valid_header_value(value)) request += fmt::format("{}: {}\r\n", name, value);
  request += "\r\n";
  iovec piece{request.data(), request.size()};
  // A new socket's buffer takes that much in one go.
  IoResult written = stream_.write({&piece, 1});
  if (written.status != IoStatus::ok || written.bytes != request.size()) return give_up("proxy: cannot write");
  read_proxy();
}

void Dial::read_proxy() {
  constexpr std::size_t max_answer = 16 * 1024;
  for (;;) {
    // A byte at a time would be needed not to read past the head; a proxy that sends more before we do is broken.
    IoResult got = stream_.read(loop_.scratch().first(4096));
    if (got.status == IoStatus::again) return;
    if (got.status != IoStatus::ok) return give_up("proxy: closed the connection");
    proxy_answer_.append(loop_.scratch().data(), got.bytes);
    std::size_t searched = 0, end = find_head_end(proxy_answer_, searched);
    if (end == std::string::npos) {
      if (proxy_answer_.size() > max_answer) return give_up("proxy: answer too long");
      continue;
    }
    HeaderList headers;
    auto head = parse_response_head(std::string_view(proxy_answer_).substr(0, end), {}, headers);
    if (!head) return give_up("proxy: " + head.error().what);
    if (head->status / 100 != 2) return give_up(fmt::format("proxy: status {}", head->status));
    return secure();
  }
}

void Dial::secure() {
  if (plan_.tls == nullptr) return finish(std::move(stream_));
  step_ = Step::shaking_hands;
  stream_.start_tls(plan_.tls->start(plan_.server_name));
  shake_hands();
}

void Dial::shake_hands() {
  IoStatus status = stream_.handshake();
  if (status == IoStatus::again) return;
  if (status == IoStatus::ok) return finish(std::move(stream_));
  std::string why = stream_.error().empty() ? "tls: the peer closed the connection" : stream_.error();
  bool plain = why.find("unexpected eof") != why.npos || why.find("wrong version number") != why.npos || why.find("closed") != why.npos;
  std::string what = fmt::format("TLS handshake with {}{}: {}{}", peer(), plan_.server_name.empty() ? "" : fmt::format(" ({})", plan_.server_name), why,
                                 plain ? fmt::format("; a server without TLS needs {}", plan_.without_tls) : "");
  static log::RateLimit lines;
  long long more = 0;
  if (lines.allow(more)) log::warn("TLS handshake failed", {{"error", what}, {"suppressed", more}});
  give_up(std::move(what));
}

}  // namespace weir::net
