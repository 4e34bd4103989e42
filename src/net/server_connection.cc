#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include "base/log.h"
#include "net/server_core.h"

namespace weir::net {
namespace {

// One connection reads at most this much before others get their turn.
constexpr std::size_t read_turn = 1024 * 1024;
constexpr int max_parts = 4;  // of a streamed body, in one turn
// While the core is crowded a turn is shorter and a rest follows it: what sends gets ahead, and a burst stays in its sender's
// buffers instead of growing ours. At most a quarter of a GB/s then comes from one connection.
constexpr std::size_t short_turn = 256 * 1024;
constexpr Duration rest = 1ms;
constexpr std::size_t min_direct = 64 * 1024;
constexpr Duration linger_time = 2s, long_linger_time = 5s;
// What a peer may have been sending while our last words were on their way. Clients with a body that is too large often read
// the answer only when they have sent it, and would see a reset instead of the 413.
constexpr std::size_t linger_bytes = 512 * 1024, long_linger_bytes = 64 * 1024 * 1024;
// nghttp2 touches about that much for a session without streams (net_bench: idle_connections).
constexpr std::size_t http2_session_bytes = 12 * 1024;
constexpr std::size_t tls_session_bytes = 40 * 1024;
// Sessions of either kind that may be made when there is no room, so that their callers can be told.
constexpr std::size_t max_sessions_without_room = 1000;

}  // namespace

ServerConnection::ServerConnection(ServerCore& core, std::uint64_t id, Stream stream, std::string address, Charge charge)
    : ProtocolHost(core.settings, core.budget, core.handler, core.stats, core.loop, queue_),
      core_(core),
      id_(id),
      stream_(std::move(stream)),
      charge_(std::move(charge)),
      useful_at_(core.loop.now()),
      linger_left_(linger_bytes) {
  peer = Bytes::take(std::move(address));
}

ServerConnection::~ServerConnection() {
  core_.loop.cancel(timer_);
  core_.loop.unwatch(watch_);
  if (without_room_) --core_.sessions_without_room;
}

std::optional<TimePoint> ServerConnection::idle_since() const {
  if (closed_ || (protocol_ && protocol_->busy()) || !queue_.empty()) return std::nullopt;
  return useful_at_;
}

Result<> ServerConnection::start() {
  if (stream_.is_tls() && !reserve(tls_session_bytes)) return fail(Errc::refused, "no room");
  first_bytes_by_ = later(core_.loop.now(), core_.settings.read_header_timeout);
  WEIR_ASSIGN(watch_, core_.loop.watch(stream_.fd(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, *this));
  schedule();
  return {};
}

Responder ServerConnection::responder(std::int32_t stream) { return {core_.shared_from_this(), id_, stream}; }

std::string_view ServerConnection::date() { return core_.date(); }

void ServerConnection::on_ready(std::uint32_t events) {
  if (closed_) return;
  in_event_ = true;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) end_is_near_ = true;
  // TLS may have to write in order to read, and the other way round.
  bool readable = (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0 || stream_.is_tls();
  if (!stream_.handshaking() || shake_hands()) {
    if (paused_) flush();
    if ((readable || paused_) && !closed_) read();
    if (!closed_ && protocol_ && protocol_->waits_for_body()) stream_.acknowledge();
    if (!closed_) flush();
    come_back();
  }
  in_event_ = false;
  if (!closed_) schedule();
}

bool ServerConnection::shake_hands() {
  switch (stream_.handshake()) {
    case IoStatus::ok: break;
    case IoStatus::again: return false;
    case IoStatus::eof:
    case IoStatus::error: {
      // Probes of load balancers connect and go: that is no handshake that failed.
      static log::RateLimit lines;
      long long more = 0;
      if (!stream_.error().empty() && lines.allow(more))
        log::warn("TLS handshake failed", {{"endpoint", core_.settings.endpoint}, {"peer", peer.view()}, {"error", stream_.error()}, {"suppressed", more}});
      fail_connection();
      return false;
    }
  }
  if (stream_.alpn() == "h2") return set_protocol(true);
  return true;
}

void ServerConnection::fail_connection() {
  if (std::exchange(closed_, true)) return;
  core_.close(id_);
}

void ServerConnection::read() {
  if (phase_ == Phase::lingering) return swallow();
  if (rest_until_ != TimePoint::max()) return;
  bool crowded = core_.crowded();
  std::size_t left = crowded ? short_turn : read_turn;
  paused_ = false;
  for (bool more = true; more && !closed_ && phase_ == Phase::open;) {
    if (!can_take() || left == 0) {
      paused_ = true;
      if (crowded && can_take()) rest_until_ = core_.loop.now() + rest;
      return;
    }
    std::size_t taken = 0;
    if (!read_once(taken, more) && !closed_) phase_ = Phase::ending;
    left -= std::min(left, taken);
  }
}

bool ServerConnection::can_take() const { return queue_.size() <= out_high_water && (!protocol_ || protocol_->wants_input()); }

// Input that was left, and that nothing else will tell of: an answer, room in the socket, the end of a rest.
void ServerConnection::come_back() {
  if (!closed_ && paused_ && phase_ == Phase::open && rest_until_ == TimePoint::max() && can_take()) core_.loop.recheck(watch_, EPOLLIN);
}

// Bytes that the kernel holds for us. Not known for TLS, whose records have to be opened first.
std::size_t ServerConnection::waiting() const {
  int bytes = 0;
  return !stream_.is_tls() && ::ioctl(stream_.fd(), FIONREAD, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

// False: the protocol is over. `taken`: bytes; `more`: there may be more to read now.
bool ServerConnection::read_once(std::size_t& taken, bool& more) {
  Incoming* direct = protocol_ ? protocol_->direct() : nullptr;
  std::size_t room = direct != nullptr ? direct->room(waiting()) : 0;
  // Little reads are better done into the shared buffer, which takes whatever there is.
  if (room < min_direct) room = 0;
  std::span<char> scratch = core_.loop.scratch();
  if (protocol_) scratch = scratch.first(std::min(scratch.size(), protocol_->read_size()));
  std::size_t wanted = room > 0 ? room : scratch.size();
  IoResult got;
  if (room > 0) {
    direct->body().fill(room, [&](char* to, std::size_t size) {
      got = stream_.read({to, size});
      return got.bytes;
    });
  } else {
    got = stream_.read(scratch);
  }
  taken = got.bytes;
  // A plain socket that gave less than was asked for is empty: the next edge tells when there is more. But the edge
  // that tells of its end comes only once.
  more = got.status == IoStatus::ok && (stream_.is_tls() || end_is_near_ || got.bytes == wanted);
  switch (got.status) {
    case IoStatus::ok: return room > 0 ? protocol_->received_direct() : take({scratch.data(), got.bytes});
    case IoStatus::again: return true;
    case IoStatus::eof: return protocol_ && protocol_->receive_end();
    case IoStatus::error: fail_connection(); return false;
  }
  return false;
}

bool ServerConnection::take(std::string_view bytes) { return protocol_ ? protocol_->receive(bytes) : detect(bytes); }

// The first bytes tell HTTP/2 from HTTP/1.1. What is neither is closed without an answer.
bool ServerConnection::detect(std::string_view bytes) {
  start_ += bytes.substr(0, http2_preface.size());
  std::string_view common = http2_preface.substr(0, std::min(start_.size(), http2_preface.size()));
  bool http2 = start_.starts_with(http2_preface);
  if (!http2 && start_ == common) return true;  // too early to tell
  if (!http2 && !(start_[0] >= 'A' && start_[0] <= 'Z') && start_[0] != '\r') {
    ++core_.stats.bad_peers;
    fail_connection();
    return false;
  }
  if (!set_protocol(http2)) return false;
  // `bytes` ends what start_ began: all of start_ that came earlier goes first.
  std::string earlier = std::move(start_);
  start_ = {};
  earlier.resize(earlier.size() - std::min(bytes.size(), http2_preface.size()));
  return (earlier.empty() || protocol_->receive(earlier)) && protocol_->receive(bytes);
}

bool ServerConnection::reserve(std::size_t bytes) {
  if (charge_.grow(bytes)) return true;
  core_.evict_one();
  if (!without_room_ && core_.sessions_without_room >= max_sessions_without_room) return false;
  if (!std::exchange(without_room_, true)) ++core_.sessions_without_room;
  charge_.grow_unchecked(bytes);
  return true;
}

bool ServerConnection::set_protocol(bool http2) {
  if (http2 && !reserve(http2_session_bytes)) {
    ++core_.stats.refused_connections;
    fail_connection();
    return false;
  }
  first_bytes_by_ = TimePoint::max();
  protocol_ = http2 ? make_http2_server(*this) : make_http1_server(*this);
  if (core_.draining && !protocol_->drain()) phase_ = Phase::ending;
  return true;
}

void ServerConnection::answer(std::int32_t stream, Answer answer) {
  if (closed_ || !protocol_) return;
  useful_at_ = core_.loop.now();
  protocol_->answer(stream, std::move(answer));
  if (!in_event_) core_.settle_later(*this);
}

void ServerConnection::next(std::int32_t stream) {
  if (closed_ || !protocol_) return;
  protocol_->next(stream);
  if (!in_event_) core_.settle_later(*this);
}

void ServerConnection::settle() {
  if (closed_) return;
  in_event_ = true;
  flush();
  if (!closed_ && paused_) read();
  if (!closed_) flush();
  come_back();
  in_event_ = false;
  if (!closed_) schedule();
}

void ServerConnection::drain() {
  if (closed_ || phase_ != Phase::open) return;
  if (protocol_ && !protocol_->drain()) phase_ = Phase::ending;
  // Who has not said anything yet may be about to.
  if (!protocol_) first_bytes_by_ = std::min(first_bytes_by_, useful_at_ + drain_grace);
  core_.settle_later(*this);
}

// Writes until the queue is empty or the socket full. False when the connection is closed.
bool ServerConnection::flush() {
  if (phase_ == Phase::lingering || stream_.handshaking()) return true;
  for (int parts = 0;; ++parts) {
    // A long body must not keep the core from everybody else, however fast its reader is.
    if (parts >= max_parts && protocol_ && protocol_->streaming()) {
      core_.settle_later(*this);
      return true;
    }
    if (protocol_ && !protocol_->produce() && phase_ == Phase::open) phase_ = Phase::ending;
    if (queue_.empty() && protocol_ && phase_ == Phase::open && protocol_->has_more_to_make()) continue;
    if (queue_.empty()) break;
    std::size_t written = 0;
    IoStatus status = queue_.flush(stream_, written);
    if (status == IoStatus::error || status == IoStatus::eof) {
      fail_connection();
      return false;
    }
    if (written > 0 || write_by_ == TimePoint::max())
      write_by_ = later(core_.loop.now(), core_.settings.write_timeout);
    if (status == IoStatus::again) return true;
  }
  write_by_ = TimePoint::max();
  if (phase_ == Phase::ending) linger();
  return !closed_;
}

// Closing with unread input would reset the connection and could destroy our answer on its way.
void ServerConnection::linger() {
  phase_ = Phase::lingering;
  stream_.shutdown_write();
  linger_until_ = core_.loop.now() + (body_was_too_large ? long_linger_time : linger_time);
  if (body_was_too_large) linger_left_ = long_linger_bytes;
  protocol_.reset();
  swallow();
}

void ServerConnection::swallow() {
  while (linger_left_ > 0) {
    IoResult got = stream_.read(core_.loop.scratch());
    if (got.status == IoStatus::again) return;
    if (got.status != IoStatus::ok) return fail_connection();
    linger_left_ -= std::min(linger_left_, got.bytes);
  }
  fail_connection();
}

TimePoint ServerConnection::next_deadline() const {
  TimePoint next = std::min({first_bytes_by_, write_by_, linger_until_, rest_until_});
  return protocol_ ? std::min(next, protocol_->deadline()) : next;
}

// The timer is only moved to earlier times; when it fires too early it is set again. Most requests then cost none.
void ServerConnection::schedule() {
  TimePoint next = next_deadline();
  if (next >= timer_at_) return;
  core_.loop.cancel(timer_);
  timer_at_ = next;
  timer_ = core_.loop.at(next, [this] { on_timer(); });
}

void ServerConnection::on_timer() {
  timer_ = 0;
  timer_at_ = TimePoint::max();
  TimePoint now = core_.loop.now();
  if (now >= std::min({first_bytes_by_, write_by_, linger_until_})) {
    if (now < linger_until_ && !core_.draining) ++core_.stats.bad_peers;
    return fail_connection();
  }
  in_event_ = true;
  if (protocol_ && !protocol_->on_time(now) && phase_ == Phase::open) phase_ = Phase::ending;
  if (now >= rest_until_) {
    rest_until_ = TimePoint::max();
    if (!closed_) read();
  }
  if (!closed_) flush();
  come_back();
  in_event_ = false;
  if (!closed_) schedule();
}

}  // namespace weir::net
