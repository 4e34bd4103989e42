#include "net/byte_listener.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>

#include "io/loop_of.h"

namespace weir::net {
namespace {

constexpr int accept_turn = 64, read_turn = 16;
constexpr std::size_t default_connections = 16 * 1024, connection_bytes = 1024;
constexpr std::size_t most_unsent = 1024 * 1024;

}  // namespace

struct ByteListener::Connection final : io::FdHandler {
  Connection(ByteListener& o, Id i, Stream s, Charge c) : owner(o), id(i), stream(std::move(s)), charge(std::move(c)) {}
  void on_ready(std::uint32_t events) override { owner.serve(id, events); }

  ByteListener& owner;
  Id id;
  Stream stream;
  Charge charge;
  io::WatchId watch = 0;
  std::uint32_t watched = 0;
  std::string pending;
  OutQueue out;
  TimePoint heard{};
};

ByteListener::ByteListener(io::Loop& loop, ByteListenerSettings settings, Budget& budget, Handler& handler)
    : loop_(loop), settings_(std::move(settings)), budget_(budget), handler_(handler) {}

Result<std::unique_ptr<ByteListener>> ByteListener::listen(io::Executor& executor, ByteListenerSettings settings, Budget& budget, Handler& handler, int inherited) {
  io::Loop& loop = io::loop_of(executor);
  std::unique_ptr<ByteListener> out(new ByteListener(loop, std::move(settings), budget, handler));
  if (out->settings_.tls) {
    WEIR_ASSIGN(out->tls_, TlsContext::server(*out->settings_.tls, loop));
  }
  if (out->settings_.max_connections == 0) out->settings_.max_connections = default_connections;
  if (inherited >= 0) {
    out->listener_ = Fd(inherited);
  } else {
    WEIR_ASSIGN(Endpoint endpoint, parse_endpoint(out->settings_.endpoint));
    WEIR_ASSIGN(out->listener_, listen_on(endpoint, {.share_port = out->settings_.share_port}));
  }
  WEIR_ASSIGN(out->watch_, loop.watch(out->listener_.get(), EPOLLIN, *out));
  out->check_idle();
  return out;
}

ByteListener::~ByteListener() {
  if (idle_timer_ != 0) loop_.cancel(idle_timer_);
  if (watch_ != 0) loop_.unwatch(watch_);
  for (auto& [id, connection] : connections_)
    if (connection->watch != 0) loop_.unwatch(connection->watch);
}

std::string ByteListener::endpoint() const { return to_string(local_address(listener_.get())); }

int ByteListener::share_listener() const { return listener_ ? ::fcntl(listener_.get(), F_DUPFD_CLOEXEC, 0) : -1; }

int ByteListener::release_listener() {
  if (watch_ != 0) loop_.unwatch(std::exchange(watch_, 0));
  return listener_.release();
}

void ByteListener::on_ready(std::uint32_t) {
  for (int i = 0; i < accept_turn && listener_; ++i) {
    SocketAddress peer;
    peer.size = sizeof peer.storage;
    Fd fd(::accept4(listener_.get(), peer.get(), &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      if (errno == ECONNABORTED || errno == EINTR) continue;
      return;
    }
    admit(std::move(fd), peer);
  }
}

void ByteListener::admit(Fd fd, const SocketAddress& peer) {
  if (connections_.size() >= settings_.max_connections) return void(++stats_.refused);
  SocketAddress local = local_address(fd.get());
  Id id = next_++;
  auto connection = std::make_unique<Connection>(*this, id, Stream(std::move(fd), tls_ ? tls_->start() : nullptr), budget_.charge_unchecked(connection_bytes));
  connection->heard = loop_.now();
  Connection& added = *connection;
  connections_.emplace(id, std::move(connection));
  ++stats_.accepted;
  handler_.on_open(id, peer, local);
  if (connections_.contains(id)) watch(added);
}

// As much as is wanted of it now.
void ByteListener::watch(Connection& c) {
  std::uint32_t wanted = (paused_ && !c.stream.handshaking() ? 0u : EPOLLIN) | (c.out.empty() ? 0u : EPOLLOUT);
  if (c.stream.handshaking()) wanted |= EPOLLOUT;
  if (wanted == c.watched && c.watch != 0) return;
  if (c.watch != 0) loop_.unwatch(std::exchange(c.watch, 0));
  c.watched = wanted;
  if (wanted == 0) return;
  if (auto watched = loop_.watch(c.stream.fd(), wanted, c)) c.watch = *watched;
}

void ByteListener::serve(Id id, std::uint32_t) {
  auto at = connections_.find(id);
  if (at == connections_.end()) return;
  Connection& c = *at->second;
  if (c.stream.handshaking()) {
    IoStatus status = c.stream.handshake();
    if (status == IoStatus::error || status == IoStatus::eof) return ++stats_.failed, close(id);
    if (c.stream.handshaking()) return watch(c);
  }
  if (!flush(c)) return close(id);
  for (int turn = 0; turn < read_turn && !paused_; ++turn) {
    std::span<char> scratch = io::Loop::scratch();
    IoResult got = c.stream.read(scratch);
    if (got.status == IoStatus::again) return watch(c);
    if (got.status != IoStatus::ok) {
      if (got.status == IoStatus::error) ++stats_.failed;
      take(c, {}, true);
      if (connections_.contains(id)) close(id);
      return;
    }
    c.heard = loop_.now();
    bool good = take(c, {scratch.data(), got.bytes}, false);
    if (!connections_.contains(id)) return;
    if (!good) return close(id);
  }
  watch(c);
  // What TLS has read already is no event.
  if (!paused_ && c.watch != 0) loop_.recheck(c.watch, EPOLLIN);
}

// False when it holds more than it may.
bool ByteListener::take(Connection& c, std::string_view bytes, bool at_end) {
  Id id = c.id;
  if (c.pending.empty()) {
    std::size_t used = handler_.on_bytes(id, bytes, at_end);
    if (!connections_.contains(id)) return true;
    bytes.remove_prefix(std::min(used, bytes.size()));
    if (bytes.empty() || at_end) return true;
  }
  if (c.pending.size() + bytes.size() > settings_.max_pending || !c.charge.grow(bytes.size())) return at_end;
  bool had = !c.pending.empty();
  c.pending += bytes;
  if (!had) return true;
  std::size_t used = handler_.on_bytes(id, c.pending, at_end);
  if (!connections_.contains(id)) return true;
  c.pending.erase(0, std::min(used, c.pending.size()));
  c.charge.shrink_to(connection_bytes + c.pending.size());
  return true;
}

bool ByteListener::flush(Connection& c) {
  std::size_t written = 0;
  if (c.out.empty()) return true;
  IoStatus status = c.out.flush(c.stream, written);
  return status == IoStatus::ok || status == IoStatus::again;
}

void ByteListener::pause() {
  paused_ = true;
  for (auto& [id, connection] : connections_) watch(*connection);
}

void ByteListener::resume() {
  paused_ = false;
  for (auto& [id, connection] : connections_) {
    watch(*connection);
    if (connection->watch != 0) loop_.recheck(connection->watch, EPOLLIN);
  }
}

void ByteListener::send(Id id, std::string_view bytes) {
  auto at = connections_.find(id);
  if (at == connections_.end()) return;
  Connection& c = *at->second;
  c.out.append(bytes);
  if (c.out.size() > most_unsent || (!c.stream.handshaking() && !flush(c))) {
    // Nobody reads it: the next event closes the connection.
    c.out.clear();
    c.stream.shutdown_write();
    return;
  }
  watch(c);
}

void ByteListener::close(Id id) {
  auto at = connections_.find(id);
  if (at == connections_.end()) return;
  if (at->second->watch != 0) loop_.unwatch(at->second->watch);
  connections_.erase(at);
  handler_.on_close(id);
}

void ByteListener::check_idle() {
  if (settings_.idle_timeout <= 0s) return;
  idle_timer_ = loop_.after(std::max<Duration>(settings_.idle_timeout / 4, 10ms), [this] {
    TimePoint limit = loop_.now() - settings_.idle_timeout;
    std::vector<Id> idle;
    for (auto& [id, connection] : connections_)
      if (connection->heard < limit && !paused_) idle.push_back(id);
    for (Id id : idle) close(id);
    check_idle();
  });
}

}  // namespace weir::net
