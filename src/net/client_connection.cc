#include "net/client_connection.h"

#include <sys/epoll.h>

namespace weir::net {
namespace {

constexpr std::size_t read_turn = 1024 * 1024;

}  // namespace

void add_part(ClientProtocol::Results& results, std::uint64_t id, std::string_view bytes) {
  if (bytes.empty()) return;
  if (results.empty() || results.back().first != id || !results.back().second || !results.back().second->more)
    results.emplace_back(id, WireReply{.more = true});
  results.back().second->body += bytes;
}

ClientConnection::ClientConnection(io::Loop& loop, Stream stream, bool http2,
                                   const std::optional<ClientKeepalive>& keepalive, Owner& owner)
    : loop_(loop), stream_(std::move(stream)), owner_(owner), idle_since_(loop.now()), http2_(http2) {
  ClientWires wires{queue_, results_, loop_};
  protocol_ = http2 ? make_http2_client(wires, keepalive) : make_http1_client(wires);
  last_room_ = protocol_->room();
  auto watch = loop_.watch(stream_.fd(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this);
  if (watch) watch_ = *watch;
  else end(watch.error().what);
}

ClientConnection::~ClientConnection() {
  loop_.cancel(timer_);
  loop_.cancel(flush_timer_);
  loop_.unwatch(watch_);
}

void ClientConnection::retire(io::Loop& loop, std::unique_ptr<ClientConnection> connection) {
  loop.post([c = std::move(connection)] {});
}

void ClientConnection::send(std::uint64_t id, WireRequest request) {
  ++used_;
  protocol_->start(id, std::move(request));
  last_room_ = protocol_->room();
  flush_later();
}

void ClientConnection::cancel(std::uint64_t id) {
  if (closed_) return;
  protocol_->cancel(id);
  flush_later();
}

void ClientConnection::pause(std::uint64_t id, bool paused) {
  if (closed_) return;
  bool stalled = protocol_->stalled();
  protocol_->pause(id, paused);
  if (stalled && !protocol_->stalled()) loop_.recheck(watch_, EPOLLIN);
  flush_later();
}

// What is started in one round is written together.
void ClientConnection::flush_later() {
  if (flush_timer_ != 0) return;
  flush_timer_ = loop_.at(loop_.now(), [this] {
    flush_timer_ = 0;
    if (!closed_) flush();
    finish_event();
  });
}

void ClientConnection::on_ready(std::uint32_t events) {
  if (closed_) return;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) end_is_near_ = true;
  if ((events & EPOLLIN) != 0 || end_is_near_ || stream_.is_tls()) read();
  if (!closed_) flush();
  finish_event();
}

void ClientConnection::read() {
  std::span<char> scratch = loop_.scratch();
  for (std::size_t left = read_turn; !closed_ && !protocol_->stalled();) {
    IoResult got = stream_.read(scratch);
    if (got.status == IoStatus::again) return;
    if (got.status == IoStatus::error) return end(stream_.error());
    if (got.status == IoStatus::eof) {
      protocol_->receive_end();
      return end("the peer closed the connection");
    }
    if (!protocol_->receive({scratch.data(), got.bytes})) return end("the peer broke the protocol or went away");
    if (got.bytes < scratch.size() && !stream_.is_tls() && !end_is_near_) return;
    if (left <= got.bytes) return loop_.recheck(watch_, EPOLLIN);
    left -= got.bytes;
  }
}

void ClientConnection::flush() {
  for (;;) {
    bool alive = protocol_->produce();
    std::size_t written = 0;
    IoStatus status = queue_.flush(stream_, written);
    if (status == IoStatus::error || status == IoStatus::eof) return end(stream_.error());
    if (!alive) return end("the peer is going away");
    if (status == IoStatus::again || written == 0) return;
  }
}

void ClientConnection::end(std::string reason) {
  if (std::exchange(closed_, true)) return;
  error_ = std::move(reason);
  protocol_->fail_all({Errc::retryable, error_, {}});
}

void ClientConnection::finish_event() {
  if (!closed_) schedule();
  auto results = std::exchange(results_, {});
  if (!results.empty() && protocol_->open() == 0) idle_since_ = loop_.now();
  std::size_t room_now = room();
  bool changed = closed_ || room_now != last_room_;
  last_room_ = room_now;
  for (auto& [id, result] : results) owner_.on_result(*this, id, std::move(result));
  if (changed || !results.empty()) owner_.on_change(*this);
}

void ClientConnection::schedule() {
  TimePoint next = protocol_->deadline();
  if (next >= timer_at_) return;
  loop_.cancel(timer_);
  timer_at_ = next;
  timer_ = loop_.at(next, [this] {
    timer_ = 0;
    timer_at_ = TimePoint::max();
    if (closed_) return;
    if (protocol_->on_time(loop_.now())) flush();
    else end("keepalive: no answer from the peer");
    finish_event();
  });
}

}  // namespace weir::net
