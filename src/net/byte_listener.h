#pragma once
// Takes connections, plain or TLS, and hands their bytes to somebody: for protocols that are not HTTP. On one core.
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/budget.h"
#include "io/loop.h"
#include "net/socket.h"
#include "net/stream.h"
#include "net/tls.h"

namespace weir::net {

struct ByteListenerSettings {
  std::string endpoint;                  // host:port (port 0: any), :port, [::1]:port, unix:/path
  std::optional<TlsServerSettings> tls;
  std::size_t max_connections = 0;       // 0: 16384; further ones are closed at once
  std::size_t max_pending = 1024 * 1024; // bytes of a connection that wait for what follows; more closes it
  Duration idle_timeout{0};              // a connection that is silent for so long is closed; 0: never
  bool share_port = false;               // another core listens there already
};

struct ByteListenerStats {
  std::uint64_t accepted = 0, refused = 0, failed = 0;
};

class ByteListener final : private io::FdHandler {
 public:
  using Id = std::uint64_t;
  // On the listener's core. May pause the listener, send and close, but not destroy it.
  class Handler {
   public:
    virtual void on_open(Id, const SocketAddress& peer, const SocketAddress& local) { (void)peer, (void)local; }
    // All bytes that have not been consumed; how many of them are consumed now. At the end of the connection once more
    // with at_end, whatever is left.
    virtual std::size_t on_bytes(Id connection, std::string_view bytes, bool at_end) = 0;
    virtual void on_close(Id) {}

   protected:
    ~Handler() = default;
  };

  // `inherited`: a listening socket, or -1.
  static Result<std::unique_ptr<ByteListener>> listen(io::Executor& executor, ByteListenerSettings settings, Budget& budget, Handler& handler, int inherited = -1);
  ~ByteListener();
  ByteListener(const ByteListener&) = delete;

  std::string endpoint() const;
  // Nothing is read until resume(): peers have to wait.
  void pause();
  void resume();
  // Sends what the peer waits for. A peer that takes nothing is closed when 1 MiB waits.
  void send(Id connection, std::string_view bytes);
  void close(Id connection);
  // No new connections; the socket becomes the caller's, or is closed with -1 as answer.
  int release_listener();
  // Another descriptor of the listening socket, for whoever takes this one's place; -1 when it does not listen.
  int share_listener() const;
  std::size_t connections() const { return connections_.size(); }
  const ByteListenerStats& stats() const { return stats_; }

 private:
  struct Connection;
  ByteListener(io::Loop& loop, ByteListenerSettings settings, Budget& budget, Handler& handler);
  void on_ready(std::uint32_t events) override;
  void admit(Fd fd, const SocketAddress& peer);
  void serve(Id id, std::uint32_t events);
  bool take(Connection& connection, std::string_view bytes, bool at_end);
  bool flush(Connection& connection);
  void watch(Connection& connection);
  void check_idle();

  io::Loop& loop_;
  ByteListenerSettings settings_;
  Budget& budget_;
  Handler& handler_;
  std::unique_ptr<TlsContext> tls_;
  Fd listener_;
  io::WatchId watch_ = 0;
  std::map<Id, std::unique_ptr<Connection>> connections_;
  Id next_ = 1;
  bool paused_ = false;
  io::TimerId idle_timer_ = 0;
  ByteListenerStats stats_;
};

}  // namespace weir::net
