#pragma once
// The client side: HTTP/1.1 and HTTP/2 requests, and unary gRPC calls. Everything on one core.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "io/loop.h"
#include "net/compression.h"
#include "net/grpc.h"
#include "net/headers.h"
#include "net/tls.h"

namespace weir::net {

struct HttpClientSettings {
  TlsClientSettings tls;
  std::string proxy_url;  // empty: see proxy_from_environment
  std::string no_proxy;   // what is asked without proxy_url, as in NO_PROXY
  bool proxy_from_environment = true;  // HTTP_PROXY, HTTPS_PROXY and NO_PROXY are honoured when there is no proxy_url
  HeaderList proxy_connect_headers;    // for the proxy, when it is asked for a tunnel
  HeaderList headers;     // on every request
  Compression compression = Compression::none;
  int compression_level = 0;
  Duration timeout{0};    // of a request that sets none; 0 = none
  std::size_t max_idle_conns = 100;
  std::size_t max_idle_conns_per_host = 2;
  std::size_t max_conns_per_host = 0;  // 0 = no limit
  Duration idle_conn_timeout = 90s;
  bool disable_keep_alives = false;
  bool force_attempt_http2 = true;     // over TLS
  Duration http2_read_idle_timeout{0};
  Duration http2_ping_timeout = 15s;
  std::size_t max_response_body = 4 * 1024 * 1024;
  std::string user_agent = "weir";
};

struct HttpRequest {
  std::string method = "POST";
  std::string url;  // http:// or https://
  HeaderList headers;
  std::vector<Bytes> body;  // one body, in pieces
  Duration timeout{0};      // 0 = the client's
  bool compress = true;     // false: the body goes as it is (it may be compressed already: set content-encoding)
};

struct HttpResponse {
  int status = 0;
  HeaderList headers;
  std::string body;

  // From a Retry-After of seconds or a date.
  std::optional<Duration> retry_after(UnixNanos now) const;
};

using HttpCallback = std::move_only_function<void(Result<HttpResponse>)>;

// Takes the body of an answer as it comes. On the client's core; each call may stop or resume streams of the client.
class BodySink {
 public:
  // Once, before any of the body.
  virtual void on_head(int status, const HeaderList& headers) = 0;
  // False: enough for now. What the peer had sent already may still come, at most `most_after_pause` bytes; then nothing
  // is read, so that the peer has to wait, until HttpClient::resume().
  virtual bool on_piece(std::string_view piece) = 0;
  // Once, last: the body is complete, or why it is not. Without a head before it there was no answer.
  virtual void on_end(Result<> end) = 0;

  static constexpr std::size_t most_after_pause = 2 * 1024 * 1024;

 protected:
  ~BodySink() = default;
};

// 0 is no stream.
using StreamId = std::uint64_t;

class HttpClient {
 public:
  static Result<std::unique_ptr<HttpClient>> make(io::Executor& executor, HttpClientSettings settings);
  // Open requests fail as `retryable` before this returns. Not from within a callback of its own.
  ~HttpClient();

  // Calls back once, later, on this core. Every HTTP status is a response; errors are what kept one from coming:
  // `retryable` for the network and time-outs, `invalid` for a URL or an answer that makes no sense.
  void send(HttpRequest request, HttpCallback done);
  // The same for an answer of any length. The time-out is for its head. `sink` must live until its end or stop().
  StreamId stream(HttpRequest request, BodySink& sink);
  // No effect, here and below, for a stream that has ended.
  void resume(StreamId stream);
  // Its sink hears nothing any more.
  void stop(StreamId stream);
  // Requests without an answer yet.
  std::size_t in_flight() const;

 private:
  struct Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct ClientKeepalive {
  Duration time = 10s;  // of silence, before a ping; 0 = never
  Duration timeout = 10s;
  bool permit_without_stream = false;
};

enum class Balancer : std::uint8_t { pick_first, round_robin };

struct GrpcClientSettings {
  std::string endpoint;  // host:port, http://, https://, dns:///, passthrough:///, unix:, ipv4:a:p,b:p
  TlsClientSettings tls;
  std::string proxy_url;
  HeaderList headers;
  std::string authority;  // empty: from the endpoint
  Compression compression = Compression::none;
  int compression_level = 0;
  std::optional<ClientKeepalive> keepalive;
  bool wait_for_ready = false;
  Balancer balancer = Balancer::round_robin;
  Duration min_backoff = 1s, max_backoff = 2min;  // between attempts to connect to one address
  Duration connect_timeout = 20s;
  Duration resolve_interval = 30s;  // at most this often is a name looked up again
  std::size_t max_recv_msg_size = 4 * 1024 * 1024;
  std::string user_agent = "weir";
};

// Whether a client could be made for the endpoint, on any machine.
Result<> check_endpoint(const GrpcClientSettings& settings);

struct GrpcCall {
  std::string path;          // /package.Service/Method
  std::vector<Bytes> body;   // one message, in pieces, without its prefix
  HeaderList headers;
  Duration timeout{0};       // 0 = none
  bool compress = true;
};

// What came back, whoever made it: a status made here (no connection, deadline) has `local` set.
struct GrpcResult {
  GrpcCode code = GrpcCode::unknown;
  std::string message;
  std::string payload;
  std::optional<Duration> retry_delay;
  std::string details;  // the google.rpc.Status as it came
  HeaderList trailers;
  bool local = false;

  bool ok() const { return code == GrpcCode::ok; }
};

using GrpcCallback = std::move_only_function<void(GrpcResult)>;

class GrpcClient {
 public:
  static Result<std::unique_ptr<GrpcClient>> make(io::Executor& executor, GrpcClientSettings settings);
  // Open calls end as UNAVAILABLE before this returns. Not from within a callback of its own.
  ~GrpcClient();

  // Calls back once, later, on this core.
  void call(GrpcCall call, GrpcCallback done);
  std::size_t in_flight() const;

 private:
  struct Impl;
  explicit GrpcClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::net
