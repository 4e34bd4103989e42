#pragma once
// A server's inside: its listener, its connections, and the way back of answers.
#include "base/rng.h"
#include "net/server_protocol.h"

namespace weir::net {

class ServerCore;

// One accepted connection. Belongs to its core's loop; dies through ServerCore::close.
class ServerConnection final : public io::FdHandler, private ProtocolHost {
 public:
  ServerConnection(ServerCore& core, std::uint64_t id, Stream stream, std::string address, Charge charge);
  ~ServerConnection();

  Result<> start();
  void on_ready(std::uint32_t events) override;
  void answer(std::int32_t stream, Answer answer);
  void next(std::int32_t stream);
  // Writes what answers have left in the queue.
  void settle();
  void drain();
  std::uint64_t id() const { return id_; }
  // Since when the connection has had no request; nothing while it has one.
  std::optional<TimePoint> idle_since() const;
  void evict() { fail_connection(); }

  bool dirty = false;  // waits in the core's list for settle()

 private:
  // How it goes on: `ending` = close when the queue is empty; `lingering` = our side is closed, the peer may still be
  // sending and must not be reset before it has read our answer.
  enum class Phase : std::uint8_t { open, ending, lingering };

  Responder responder(std::int32_t stream) override;
  std::string_view date() override;
  bool shake_hands();
  void read();
  bool read_once(std::size_t& taken, bool& more);
  bool can_take() const;
  void come_back();
  std::size_t waiting() const;
  bool take(std::string_view bytes);
  bool detect(std::string_view bytes);
  // False when there is no room, not even of what is set aside for saying so.
  bool reserve(std::size_t bytes);
  bool set_protocol(bool http2);
  bool flush();
  void linger();
  void swallow();
  void schedule();
  void on_timer();
  void fail_connection();
  TimePoint next_deadline() const;

  ServerCore& core_;
  std::uint64_t id_;
  Stream stream_;
  OutQueue queue_;
  std::unique_ptr<ServerProtocol> protocol_;
  std::string start_;  // the first bytes, until they tell the protocol
  Charge charge_;
  io::WatchId watch_ = 0;
  io::TimerId timer_ = 0;
  TimePoint timer_at_ = TimePoint::max();
  TimePoint first_bytes_by_ = TimePoint::max();  // handshake and protocol
  TimePoint write_by_ = TimePoint::max();
  TimePoint linger_until_ = TimePoint::max();
  TimePoint rest_until_ = TimePoint::max();  // reads nothing before
  TimePoint useful_at_;  // accepted, or answered
  std::size_t linger_left_;
  Phase phase_ = Phase::open;
  bool without_room_ = false;  // counted in the core's sessions_without_room
  bool in_event_ = false;
  bool paused_ = false;  // input was left in the socket
  bool end_is_near_ = false;  // the kernel has seen the peer's end of the stream
  bool closed_ = false;
};

class ServerCore final : public std::enable_shared_from_this<ServerCore>, public io::FdHandler {
 public:
  ServerCore(io::Loop& l, ServerSettings s, Budget& b, Handler& h)
      : loop(l), settings(std::move(s)), budget(b), handler(h) {}
  ~ServerCore();

  Result<> start(int listening_fd);
  void on_ready(std::uint32_t events) override;
  void stop_accepting();
  int release_listener();
  void close_all();
  void drain(io::Task done);

  void answer(std::uint64_t connection, std::int32_t stream, Answer answer);
  void next(std::uint64_t connection, std::int32_t stream);
  void settle_later(ServerConnection& connection);
  // The connection is destroyed later in this round, so that it may be in the middle of a call.
  void close(std::uint64_t connection);
  // Closes a connection that nobody uses, if one is found quickly.
  bool evict_one();
  // Much more is held than usual, so most of it waits to be sent on: what stages keep for longer is what is held at the least.
  bool crowded();
  std::string_view date();

  io::Loop& loop;
  const ServerSettings settings;
  Budget& budget;
  Handler& handler;
  ServerStats stats;
  std::unique_ptr<TlsContext> tls;
  Fd listener;
  SocketAddress address;
  bool draining = false;
  std::size_t open = 0;
  std::size_t sessions_without_room = 0;

 private:
  struct Slot {
    std::unique_ptr<ServerConnection> connection;
    std::uint32_t generation = 1;
  };
  bool accept_one();
  void shed_one();
  void admit(Fd fd, const SocketAddress& peer);
  std::uint64_t reserve_slot();
  ServerConnection* find(std::uint64_t id);
  void settle_all();
  void check_drained();

  io::WatchId watch_ = 0;
  Fd spare_;  // given up for a moment to turn connections away when there are no file descriptors
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint64_t> dirty_;
  std::vector<std::unique_ptr<ServerConnection>> dead_;
  std::size_t max_connections_ = 0;
  Rng rng_ = Rng::from_system();
  bool settle_posted_ = false, discard_posted_ = false;
  io::Task drained_;
  std::string date_;
  std::int64_t date_second_ = -1;
  std::size_t least_held_ = 0, least_held_before_ = 0;  // in this period and in the one before, bytes
  TimePoint period_ends_;
};

}  // namespace weir::net
