#pragma once
// The server side of HTTP/1.1, HTTP/2 and gRPC, all on one port.
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/budget.h"
#include "base/bytes.h"
#include "io/loop.h"
#include "net/compression.h"
#include "net/grpc.h"
#include "net/headers.h"
#include "net/tls.h"

namespace weir::net {

struct Cors {
  std::vector<std::string> allowed_origins;  // '*' matches any text; empty = no CORS
  std::vector<std::string> allowed_headers;  // besides Accept, Content-Type, X-Requested-With, Origin
  std::vector<std::string> exposed_headers;
  int max_age = 0;  // seconds
};

// 0 is never, everywhere.
struct ServerKeepalive {
  Duration max_connection_idle{0};
  Duration max_connection_age{0};
  Duration max_connection_age_grace{0};
  Duration time = 2h;      // silence after which an HTTP/2 peer is pinged
  Duration timeout = 20s;  // for the answer to that
};

// How often an HTTP/2 client may ping.
struct PingPolicy {
  Duration min_time = 5min;
  bool permit_without_stream = false;
};

struct ServerSettings {
  std::string endpoint;  // host:port (port 0: any), :port, [::1]:port, unix:/path
  std::optional<TlsServerSettings> tls;
  // Sizes hold before and after decompression. Announced bytes are charged as they come.
  std::size_t max_request_body_size = 20 * 1024 * 1024;
  std::size_t max_recv_msg_size = 4 * 1024 * 1024;  // one gRPC message
  std::size_t max_header_bytes = 64 * 1024;
  std::size_t max_header_count = 256;
  std::uint32_t max_concurrent_streams = 1000;
  std::size_t max_connections = 0;  // of this listener; 0 = 16,384. Past it unused ones are closed for new ones
  Duration evict_after = 1s;        // younger ones may be about to say something
  int backlog = 4096;
  // 0 is no limit, for all of them.
  Duration read_header_timeout = 1min;  // also for the TLS handshake
  Duration read_timeout = 1min;         // from a request's head to the end of its body
  Duration write_timeout = 30s;         // without progress
  Duration idle_timeout = 1min;         // HTTP/1.1: between requests
  ServerKeepalive keepalive;
  std::optional<PingPolicy> ping_policy;
  Cors cors;
  HeaderList response_headers;  // added to each HTTP answer
  Duration retry_delay = 1s;    // what refused clients are told
  bool keep_alives_enabled = true;  // HTTP/1.1: more than one request on a connection
  bool http1 = true;            // false: gRPC only, HTTP/1.1 requests are answered 505
  // Several cores listen on one port (SO_REUSEPORT): false for the first, so that a port which another process has is
  // an error; true for the others.
  bool share_port = false;
};

// What is known of a request when its head has come.
class RequestHead {
 public:
  RequestHead() = default;
  std::string_view method() const { return method_ == npos ? std::string_view{} : headers[method_].value; }
  // Without the query; still percent-encoded.
  std::string_view path() const { return target().substr(0, target().find('?')); }
  std::string_view query() const {
    std::size_t mark = target().find('?');
    return mark == std::string_view::npos ? std::string_view{} : target().substr(mark + 1);
  }
  std::string_view host() const;
  std::string_view content_type() const { return headers.get("content-type"); }

  // With the pseudo fields :method, :path and :authority, for HTTP/1.1 too.
  HeaderList headers;
  // "10.0.0.1:5317"
  std::string_view peer() const { return peer_address.view(); }
  Bytes peer_address;  // shared with the connection
  bool is_grpc = false;
  int http_major = 1;

  // Called once `headers` is complete: remembers where the pseudo fields are.
  void index();

 private:
  static constexpr std::size_t npos = SIZE_MAX;
  std::string_view target() const { return target_ == npos ? std::string_view{} : headers[target_].value; }
  std::size_t method_ = npos, target_ = npos;
};

struct Request : RequestHead {
  explicit Request(RequestHead head) : RequestHead(std::move(head)) {}
  Bytes body;  // decompressed; for gRPC one message without its prefix
  Compression content_encoding = Compression::none;  // how it came
  std::size_t wire_size = 0;                         // before decompression
  std::optional<TimePoint> deadline;  // gRPC: when the client stops waiting
  Charge charge;                      // for `body`; let it go when the bytes are settled
};

// A body that is made while it is sent, at the pace of the client. On the server's core.
class BodySource {
 public:
  virtual ~BodySource() = default;
  // Appends the next part, some tens of KiB; false when that was the last one. Not called again after that.
  virtual bool next(std::string& out) = 0;
};

struct Response {
  int status = 200;
  HeaderList headers;
  Bytes body;
  std::shared_ptr<BodySource> source;  // in place of `body`; shared by copies of this answer, of which one is sent
};

struct GrpcAnswer {
  GrpcCode code = GrpcCode::ok;
  std::string message;
  Bytes payload;                        // with ok
  std::optional<Duration> retry_delay;  // makes a RetryInfo
  std::string details;                  // a google.rpc.Status that replaces the generated one
  HeaderList trailers;
  bool without_message = false;         // with ok: of a streaming call, whose answer may have no message
};

using Answer = std::variant<Response, GrpcAnswer>;

// An error in the form in which the client expects it: gRPC status with RetryInfo, or HTTP status with a plain text body
// and Retry-After. `http_status` 0: the one that the error's code stands for.
Answer error_answer(const RequestHead& head, const Error& error, int http_status = 0);
int http_status_of(const Error& error);

class ServerCore;

// The way to answer one request, from the core on which it came, at any time; the connection may be gone by then.
// Let go without an answer, it answers 500 or INTERNAL.
class Responder {
 public:
  Responder() = default;
  Responder(std::shared_ptr<ServerCore> core, std::uint64_t connection, std::int32_t stream)
      : core_(std::move(core)), connection_(connection), stream_(stream) {}
  Responder(Responder&&) = default;
  Responder& operator=(Responder&& other) noexcept {
    abandon();
    core_ = std::move(other.core_);
    connection_ = other.connection_;
    stream_ = other.stream_;
    return *this;
  }
  ~Responder() { abandon(); }

  void respond(Response response) { answer(std::move(response)); }
  void respond(GrpcAnswer response) { answer(std::move(response)); }
  void answer(Answer answer);
  // Of a streaming call: its Call has finished with the message it was given.
  void next();
  explicit operator bool() const { return core_ != nullptr; }

 private:
  void abandon();
  std::shared_ptr<ServerCore> core_;  // shared with the Server and other open requests
  std::uint64_t connection_ = 0;
  std::int32_t stream_ = 0;
};

// Looks at a body that is not kept. Let go when all of it has come, or no more does.
class PassingBody {
 public:
  virtual ~PassingBody() = default;
  virtual void take(std::string_view decompressed) = 0;
};

// One message of a streaming gRPC call.
struct Message {
  Bytes body;     // decompressed
  Charge charge;  // for `body`; let it go when the bytes are settled
};

// A gRPC call whose client sends one message after another for as long as it likes. On the server's core. Destroyed when the call
// is over: answered, or gone with its connection.
class Call {
 public:
  virtual ~Call() = default;
  // Neither another message nor the end comes before Responder::next().
  virtual void on_message(Message message) = 0;
  // The client has no more messages and waits for the answer.
  virtual void on_end() = 0;
};

// What a server does with requests. On the server's core. Outlives the server and its open requests.
class Handler {
 public:
  virtual ~Handler() = default;
  // Before the body is read: an answer turns the request away without reading it.
  virtual std::optional<Answer> on_head(const RequestHead&) { return std::nullopt; }
  // After on_head, for gRPC: whether the client of this call sends any number of messages. Then on_call() comes in place of on_request().
  virtual bool streams(const RequestHead&) { return false; }
  // What takes those messages. The answer may come at any time and ends the call.
  virtual std::unique_ptr<Call> on_call(const RequestHead&, Responder) { return nullptr; }
  // The body is complete.
  virtual void on_request(Request request, Responder responder) = 0;
  // The body is not taken, for lack of room, damage, or since its sender broke it off: what has come of it, and in the first case what still
  // comes, may be looked at. Null: no need.
  virtual std::unique_ptr<PassingBody> on_refused_body(const RequestHead&) { return nullptr; }
  // The server itself turns the request away after on_head: no room, too large, undecodable, too slow. `http_status`
  // says more than the error's code, e.g. 413.
  virtual Answer on_error(const RequestHead& head, const Error& error, int http_status);
};

struct ServerStats {
  std::uint64_t accepted = 0, closed = 0, requests = 0, refused_connections = 0, refused_requests = 0;
  std::uint64_t evicted_connections = 0;  // unused, when others needed their place
  std::uint64_t bad_peers = 0;  // connections closed for breaking the protocol or a limit
};

// Listens on one core. Bodies and connections are charged to `budget`.
class Server {
 public:
  // Adopts `listening_fd` when it is not -1 (a socket from release_listener(), say).
  static Result<std::unique_ptr<Server>> listen(io::Executor& executor, ServerSettings settings, Budget& budget,
                                                Handler& handler, int listening_fd = -1);
  // Closes everything at once. Not from within its handler.
  ~Server();

  std::uint16_t port() const;
  // Where it really listens: "127.0.0.1:4317".
  std::string endpoint() const;
  // Stops accepting and hands the socket over, with what waits in its backlog.
  int release_listener();
  // Another descriptor of the listening socket, for a server that takes this one's place; -1 when it does not listen.
  int share_listener() const;
  // Stops accepting; lets what is under way finish; then closes the connections. `done` is called once, later.
  void drain(io::Task done);
  std::size_t connections() const;
  const ServerStats& stats() const;

 private:
  explicit Server(std::shared_ptr<ServerCore> core);
  std::shared_ptr<ServerCore> core_;
};

}  // namespace weir::net
