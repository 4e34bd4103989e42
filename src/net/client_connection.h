#pragma once
// One connection of a client, HTTP/1.1 or HTTP/2, and the requests on it.
#include "io/loop.h"
#include "net/client.h"
#include "net/stream.h"

namespace weir::net {

struct WireRequest {
  HeaderList fields;  // :method, :scheme, :path, :authority first
  std::string prefix;  // in front of the body
  std::vector<Bytes> body;
  std::size_t max_response = 4 * 1024 * 1024;
  bool streamed = false;  // the answer is told in parts, of any length together
};

struct WireReply {
  int status = 0;
  HeaderList headers, trailers;
  std::string body;
  bool truncated = false;  // the body was longer than max_response
  bool more = false;       // a part of a streamed answer: others follow. The first has the head
};

struct WireError {
  Error error;
  bool untouched = false;  // the peer has certainly not acted on the request: it can be sent again
};

using WireResult = std::expected<WireReply, WireError>;

// The protocol part: bytes and requests in, bytes and results out.
class ClientProtocol {
 public:
  using Results = std::vector<std::pair<std::uint64_t, WireResult>>;

  virtual ~ClientProtocol() = default;
  virtual void start(std::uint64_t id, WireRequest request) = 0;
  // Nothing will be told of it any more.
  virtual void cancel(std::uint64_t id) = 0;
  // The peer is kept from sending more of a streamed answer, or no longer.
  virtual void pause(std::uint64_t id, bool paused) = 0;
  // Nothing should be read from the connection for now.
  virtual bool stalled() const { return false; }
  // How many more requests may be started now.
  virtual std::size_t room() const = 0;
  virtual std::size_t open() const = 0;
  // The peer takes nothing new; what is open goes on.
  virtual bool draining() const { return false; }
  // False, here and below: the connection is of no more use.
  virtual bool receive(std::string_view bytes) = 0;
  virtual bool receive_end() = 0;
  virtual bool produce() = 0;
  virtual TimePoint deadline() const { return TimePoint::max(); }
  virtual bool on_time(TimePoint) { return true; }
  // The connection is gone: all that is open ends with `error`.
  virtual void fail_all(const Error& error) = 0;
};

struct ClientWires {
  OutQueue& out;
  ClientProtocol::Results& results;
  const Clock& clock;
};
// Pieces that come in one round are told as one.
void add_part(ClientProtocol::Results& results, std::uint64_t id, std::string_view bytes);
std::unique_ptr<ClientProtocol> make_http1_client(ClientWires wires);
std::unique_ptr<ClientProtocol> make_http2_client(ClientWires wires, const std::optional<ClientKeepalive>& keepalive);

class ClientConnection final : public io::FdHandler {
 public:
  // Told at the end of an event, when the connection can be used. It may let the connection go only later (retire()).
  class Owner {
   public:
    virtual void on_result(ClientConnection& connection, std::uint64_t id, WireResult result) = 0;
    // Room may have come, or the connection may have closed.
    virtual void on_change(ClientConnection& connection) = 0;

   protected:
    ~Owner() = default;
  };

  ClientConnection(io::Loop& loop, Stream stream, bool http2, const std::optional<ClientKeepalive>& keepalive,
                   Owner& owner);
  ClientConnection(const ClientConnection&) = delete;
  ~ClientConnection();

  void send(std::uint64_t id, WireRequest request);
  void cancel(std::uint64_t id);
  void pause(std::uint64_t id, bool paused);
  std::size_t room() const { return closed_ ? 0 : protocol_->room(); }
  std::size_t open() const { return protocol_->open(); }
  bool closed() const { return closed_; }
  bool draining() const { return protocol_->draining(); }
  bool is_http2() const { return http2_; }
  const std::string& error() const { return error_; }
  // Requests that were started on it.
  std::uint64_t used() const { return used_; }
  TimePoint idle_since() const { return idle_since_; }

  void on_ready(std::uint32_t events) override;
  // Destroys it when whatever is on the stack has returned.
  static void retire(io::Loop& loop, std::unique_ptr<ClientConnection> connection);

 private:
  void read();
  void flush();
  void end(std::string reason);
  void finish_event();
  void schedule();
  void flush_later();

  io::Loop& loop_;
  Stream stream_;
  Owner& owner_;
  OutQueue queue_;
  ClientProtocol::Results results_;
  std::unique_ptr<ClientProtocol> protocol_;
  std::string error_;
  io::WatchId watch_ = 0;
  io::TimerId timer_ = 0, flush_timer_ = 0;
  TimePoint timer_at_ = TimePoint::max();
  TimePoint idle_since_;
  std::uint64_t used_ = 0;
  std::size_t last_room_ = 0;
  bool http2_;
  bool end_is_near_ = false;
  bool closed_ = false;
};

}  // namespace weir::net
