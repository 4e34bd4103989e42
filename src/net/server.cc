#include "net/server.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "base/log.h"
#include "io/loop_of.h"
#include "net/server_core.h"

namespace weir::net {
namespace {

// What an idle connection costs us, about (net_bench: idle_connections).
constexpr std::size_t connection_bytes = 1024;
constexpr int accept_turn = 64;
// Unless the settings say otherwise. Those that nobody uses make place for new ones.
constexpr std::size_t default_max_connections = 16 * 1024;
constexpr int evict_tries = 32;

}  // namespace

ServerCore::~ServerCore() { close_all(); }

Result<> ServerCore::start(int listening_fd) {
  if (settings.tls) {
    WEIR_ASSIGN(tls, TlsContext::server(*settings.tls, loop));
  }
  if (listening_fd >= 0) {
    listener = Fd(listening_fd);
  } else {
    WEIR_ASSIGN(Endpoint endpoint, parse_endpoint(settings.endpoint));
    WEIR_ASSIGN(listener, listen_on(endpoint, {.backlog = settings.backlog, .share_port = settings.share_port}));
  }
  address = local_address(listener.get());
  spare_ = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  max_connections_ = settings.max_connections != 0 ? settings.max_connections : default_max_connections;
  WEIR_ASSIGN(watch_, loop.watch(listener.get(), EPOLLIN, *this));
  return {};
}

void ServerCore::on_ready(std::uint32_t) {
  for (int i = 0; i < accept_turn && listener; ++i)
    if (!accept_one()) return;
}

bool ServerCore::accept_one() {
  SocketAddress peer;
  peer.size = sizeof peer.storage;
  Fd fd(::accept4(listener.get(), peer.get(), &peer.size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd) {
    admit(std::move(fd), peer);
    return true;
  }
  if (errno == EMFILE || errno == ENFILE) shed_one();
  return errno == ECONNABORTED || errno == EINTR;
}

// Without this the listener would stay ready and the loop would spin.
void ServerCore::shed_one() {
  spare_.reset();
  Fd refused(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  refused.reset();
  spare_ = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ++stats.refused_connections;
  errno = 0;
}

void ServerCore::admit(Fd fd, const SocketAddress& peer) {
  if (open >= max_connections_ && !evict_one()) {
    ++stats.refused_connections;
    return;
  }
  // Also without room: the requests are to be told so.
  Charge charge = budget.charge_unchecked(connection_bytes);
  if (peer.family() != AF_UNIX) set_no_delay(fd.get());
  Stream stream(std::move(fd), tls ? tls->start() : nullptr);
  std::uint64_t id = reserve_slot();
  auto connection = std::make_unique<ServerConnection>(*this, id, std::move(stream), to_string(peer), std::move(charge));
  ++stats.accepted;
  ++open;
  ServerConnection& started = *connection;
  slots_[static_cast<std::uint32_t>(id)].connection = std::move(connection);
  if (started.start()) return;
  ++stats.refused_connections;
  close(id);
}

std::uint64_t ServerCore::reserve_slot() {
  auto slot = static_cast<std::uint32_t>(slots_.size());
  if (free_.empty()) {
    slots_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  return std::uint64_t{slots_[slot].generation} << 32 | slot;
}

bool ServerCore::evict_one() {
  ServerConnection* worst = nullptr;
  TimePoint oldest = loop.now() - settings.evict_after;
  for (int i = 0; i < evict_tries && !slots_.empty(); ++i) {
    ServerConnection* candidate = slots_[rng_.below(slots_.size())].connection.get();
    auto since = candidate == nullptr ? std::nullopt : candidate->idle_since();
    if (!since || *since > oldest) continue;
    oldest = *since;
    worst = candidate;
  }
  if (worst == nullptr) return false;
  ++stats.evicted_connections;
  worst->evict();
  return true;
}

ServerConnection* ServerCore::find(std::uint64_t id) {
  auto slot = static_cast<std::uint32_t>(id);
  if (slot >= slots_.size() || slots_[slot].generation != id >> 32) return nullptr;
  return slots_[slot].connection.get();
}

void ServerCore::answer(std::uint64_t connection, std::int32_t stream, Answer answer) {
  if (ServerConnection* found = find(connection)) found->answer(stream, std::move(answer));
}

void ServerCore::next(std::uint64_t connection, std::int32_t stream) {
  if (ServerConnection* found = find(connection)) found->next(stream);
}

// Answers of one round are written together.
void ServerCore::settle_later(ServerConnection& connection) {
  if (std::exchange(connection.dirty, true)) return;
  dirty_.push_back(connection.id());
  if (std::exchange(settle_posted_, true)) return;
  loop.post([self = shared_from_this()] { self->settle_all(); });
}

void ServerCore::settle_all() {
  settle_posted_ = false;
  for (std::uint64_t id : std::exchange(dirty_, {})) {
    ServerConnection* connection = find(id);
    if (connection == nullptr) continue;
    connection->dirty = false;
    connection->settle();
  }
}

void ServerCore::close(std::uint64_t id) {
  Slot& slot = slots_[static_cast<std::uint32_t>(id)];
  dead_.push_back(std::move(slot.connection));
  ++slot.generation;
  free_.push_back(static_cast<std::uint32_t>(id));
  --open;
  ++stats.closed;
  if (std::exchange(discard_posted_, true)) return;
  loop.post([weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self) return;
    self->discard_posted_ = false;
    auto dead = std::exchange(self->dead_, {});
    dead.clear();
    self->check_drained();
  });
}

void ServerCore::close_all() {
  stop_accepting();
  for (Slot& slot : slots_) {
    if (!slot.connection) continue;
    slot.connection.reset();
    ++slot.generation;
    ++stats.closed;
  }
  dead_.clear();
  open = 0;
}

void ServerCore::stop_accepting() { Fd closed(release_listener()); }

int ServerCore::release_listener() {
  // Closing a socket resets the connections in its backlog, so they are taken before.
  if (listener) on_ready(0);
  loop.unwatch(std::exchange(watch_, 0));
  return listener.release();
}

void ServerCore::drain(io::Task done) {
  stop_accepting();
  draining = true;
  drained_ = std::move(done);
  for (Slot& slot : slots_)
    if (slot.connection) slot.connection->drain();
  loop.post([self = shared_from_this()] { self->check_drained(); });
}

void ServerCore::check_drained() {
  if (!draining || open > 0 || !drained_) return;
  io::Task done = std::move(drained_);
  drained_ = nullptr;
  done();
}

bool ServerCore::crowded() {
  // The budget is that of all cores.
  static const std::size_t much = 12 * 1024 * 1024 * std::max(2u, std::thread::hardware_concurrency());
  constexpr Duration period = 10s;
  std::size_t held = budget.used();
  if (TimePoint now = loop.now(); now >= period_ends_) {
    least_held_before_ = std::exchange(least_held_, held);
    period_ends_ = now + period;
  }
  least_held_ = std::min(least_held_, held);
  return held > std::min(least_held_, least_held_before_) + much;
}

std::string_view ServerCore::date() {
  auto second = static_cast<std::int64_t>(loop.wall() / 1'000'000'000);
  if (second == date_second_) return date_;
  date_second_ = second;
  std::time_t time = second;
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[40];
  date_.assign(text, std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts));
  return date_;
}

std::string_view RequestHead::host() const {
  return headers.get(":authority");
}

void RequestHead::index() {
  for (std::size_t i = 0; i < headers.size() && i < 8; ++i) {
    std::string_view name = headers[i].name;
    if (name == ":method") method_ = i;
    if (name == ":path") target_ = i;
  }
}

int http_status_of(const Error& error) {
  if (error.code == Errc::too_large) return 413;
  return http_status_of(grpc_code_of(error));
}

Answer error_answer(const RequestHead& head, const Error& error, int http_status) {
  int status = http_status == 0 ? http_status_of(error) : http_status;
  bool delayed = error.retry_after > Duration::zero();
  if (head.is_grpc) {
    GrpcAnswer answer{.code = status == 413 ? GrpcCode::resource_exhausted : grpc_code_of(error), .message = error.what};
    if (delayed) answer.retry_delay = error.retry_after;
    return answer;
  }
  Response response{.status = status, .body = Bytes::take(error.what)};
  response.headers.add("content-type", "text/plain; charset=utf-8");
  if (delayed && (status == 503 || status == 429))
    response.headers.add("retry-after", std::to_string((error.retry_after + 999'999'999ns) / 1s));
  return response;
}

Answer Handler::on_error(const RequestHead& head, const Error& error, int http_status) {
  return error_answer(head, error, http_status);
}

void Responder::answer(Answer answer) {
  if (auto core = std::exchange(core_, nullptr)) core->answer(connection_, stream_, std::move(answer));
}

void Responder::next() {
  if (core_) core_->next(connection_, stream_);
}

void Responder::abandon() {
  if (core_) answer(Response{.status = 500, .body = Bytes::copy_of("no answer")});
}

Server::Server(std::shared_ptr<ServerCore> core) : core_(std::move(core)) {}

Server::~Server() { core_->close_all(); }

Result<std::unique_ptr<Server>> Server::listen(io::Executor& executor, ServerSettings settings, Budget& budget,
                                               Handler& handler, int listening_fd) {
  auto core = std::make_shared<ServerCore>(io::loop_of(executor), std::move(settings), budget, handler);
  WEIR_TRY(core->start(listening_fd));
  return std::unique_ptr<Server>(new Server(std::move(core)));
}

std::uint16_t Server::port() const { return core_->address.port(); }
std::string Server::endpoint() const { return to_string(core_->address); }
int Server::release_listener() { return core_->release_listener(); }
int Server::share_listener() const { return core_->listener ? ::fcntl(core_->listener.get(), F_DUPFD_CLOEXEC, 0) : -1; }
void Server::drain(io::Task done) { core_->drain(std::move(done)); }
std::size_t Server::connections() const { return core_->open; }
const ServerStats& Server::stats() const { return core_->stats; }

}  // namespace weir::net
