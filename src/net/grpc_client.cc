#include <deque>

#include "base/log.h"
#include "base/rng.h"
#include "base/text.h"
#include "io/loop_of.h"
#include "net/client.h"
#include "net/client_connection.h"
#include "net/dial.h"

namespace weir::net {
namespace {

constexpr int max_attempts = 5;

struct Call {
  WireRequest wire;
  GrpcCallback done;
  TimePoint deadline = TimePoint::max();
  ClientConnection* connection = nullptr;
  int attempts = 0;
};

GrpcResult local_result(GrpcCode code, std::string message) {
  return {.code = code, .message = std::move(message), .local = true};
}

// One address to balance over, or with pick_first all of them, tried in order.
struct Subchannel {
  std::vector<SocketAddress> addresses;
  std::unique_ptr<Dial> dial;
  std::unique_ptr<ClientConnection> connection;
  io::TimerId retry = 0;
  Duration backoff{0};  // of the next failure; 0 = none yet
  bool failing = false;  // the last attempt failed and none has begun since
};

struct Target {
  Endpoint endpoint;
  std::vector<SocketAddress> addresses;  // given as such: nothing to look up
  std::string authority;
  bool secure = false;
};

// gRPC's "ipv4:10.0.0.1:4317,10.0.0.2:4317".
Result<Target> parse_addresses(std::string_view list, Target target) {
  for (std::string_view one : split(list, ',')) {
    WEIR_ASSIGN(target.endpoint, parse_endpoint(one));
    auto address = numeric_address(target.endpoint.host, target.endpoint.port);
    if (address.empty()) return fail(Errc::config, "endpoint '{}': not an address", one);
    target.addresses.push_back(address.front());
    if (target.authority.empty()) target.authority = one;
  }
  return target;
}

Result<Target> parse_target(const GrpcClientSettings& settings) {
  std::string_view text = settings.endpoint;
  if (text.empty()) return fail(Errc::config, "requires a non-empty \"endpoint\"");
  Target target{.authority = settings.authority, .secure = !settings.tls.insecure};
  if (text.starts_with("http://")) {
    text.remove_prefix(7);
    target.secure = false;
  } else if (text.starts_with("https://")) {
    text.remove_prefix(8);
    target.secure = true;
  }
  if (text.starts_with("ipv4:") || text.starts_with("ipv6:")) return parse_addresses(text.substr(5), std::move(target));
  for (std::string_view scheme : {"dns:", "passthrough:"})
    if (text.starts_with(scheme)) text.remove_prefix(scheme.size());
  // dns://server/host: the server that should be asked is the system's anyway.
  if (text.starts_with("//")) text = text.find('/', 2) == std::string_view::npos ? text : text.substr(text.find('/', 2) + 1);
  if (text.ends_with('/') && !text.starts_with("unix:")) text.remove_suffix(1);
  if (!text.starts_with("unix:") && text.find('/') != text.npos && text.find('@') == text.npos)
    return fail(Errc::config, "endpoint '{}': gRPC knows no path", text);
  WEIR_ASSIGN(target.endpoint, parse_endpoint(text));
  if (target.authority.empty()) target.authority = target.endpoint.is_unix() ? "localhost" : std::string(text);
  return target;
}

}  // namespace

Result<> check_endpoint(const GrpcClientSettings& settings) {
  WEIR_TRY(parse_target(settings));
  return {};
}

struct GrpcClient::Impl final : ClientConnection::Owner {
  Impl(io::Loop& l, GrpcClientSettings s) : loop(l), settings(std::move(s)), rng(Rng::from_system()) {}
  ~Impl();

  Result<> start();
  void call(GrpcCall call, GrpcCallback done);
  Result<Call> prepare(GrpcCall& call);
  void dispatch();
  ClientConnection* pick();
  void connect_all();
  void resolve();
  void resolved(Result<std::vector<SocketAddress>> found);
  void set_addresses(std::vector<SocketAddress> addresses);
  void connect(Subchannel& sub);
  void connected(Subchannel& sub, Result<Stream> stream);
  void failed(Subchannel& sub, const Error& error);
  void disconnected(Subchannel& sub);
  void fail_waiting();
  bool all_failing() const;
  void on_result(ClientConnection& connection, std::uint64_t id, WireResult result) override;
  void on_change(ClientConnection& connection) override;
  void finish(std::uint64_t id, GrpcResult result);
  GrpcResult read_reply(WireReply reply);
  void check_at(TimePoint when);
  void check();

  io::Loop& loop;
  GrpcClientSettings settings;
  Rng rng;
  Target target;
  std::optional<Url> proxy;
  std::unique_ptr<TlsContext> tls;
  std::vector<std::unique_ptr<Subchannel>> subs;
  std::vector<std::unique_ptr<ClientConnection>> leaving;  // finish what is open on them, take nothing new
  std::unique_ptr<Lookup> lookup;
  TimePoint looked_up_at{};
  bool looked_up = false, lookup_failed = false;
  io::TimerId lookup_timer = 0, fail_timer = 0;
  std::unordered_map<std::uint64_t, Call> calls;
  std::deque<std::uint64_t> waiting;
  std::uint64_t last_id = 0;
  std::size_t turn = 0;
  std::string last_error = "no connection";
  io::TimerId timer = 0;
  TimePoint timer_at = TimePoint::max();
};

GrpcClient::Impl::~Impl() {
  loop.cancel(timer);
  loop.cancel(lookup_timer);
  loop.cancel(fail_timer);
  for (auto& sub : subs) loop.cancel(sub->retry);
  lookup.reset();
  subs.clear();
  leaving.clear();
  auto open = std::exchange(calls, {});
  for (auto& [id, call] : open) call.done(local_result(GrpcCode::unavailable, "the client was closed"));
}

Result<> GrpcClient::Impl::start() {
  WEIR_ASSIGN(target, parse_target(settings));
  if (target.secure) {
    WEIR_ASSIGN(tls, TlsContext::client(settings.tls, loop, {"h2"}));
  }
  if (target.endpoint.is_unix()) {
    WEIR_ASSIGN(SocketAddress address, unix_address(target.endpoint.unix_path));
    target.addresses.push_back(address);
  }
  if (!target.addresses.empty()) return {};
  auto url = settings.proxy_url.empty()
                 ? ProxyRules::from_environment().proxy_for(true, target.endpoint.host, target.endpoint.port)
                 : settings.proxy_url;
  if (url) {
    WEIR_ASSIGN(proxy, parse_url(*url));
  }
  return {};
}

Result<Call> GrpcClient::Impl::prepare(GrpcCall& call) {
  Call out;
  HeaderList& fields = out.wire.fields;
  fields.add(":method", "POST");
  fields.add(":scheme", target.secure ? "https" : "http");
  fields.add(":path", call.path);
  fields.add(":authority", target.authority);
  fields.add("content-type", "application/grpc");
  fields.add("user-agent", settings.user_agent);
  fields.add("te", "trailers");
  if (call.timeout > Duration::zero()) {
    out.deadline = loop.now() + call.timeout;
    fields.add("grpc-timeout", format_grpc_timeout(call.timeout));
  }
  for (auto [name, value] : settings.headers) fields.add(name, value);
  for (auto [name, value] : call.headers) fields.add(name, value);
  bool compressed = settings.compression != Compression::none && call.compress;
  out.wire.body = std::move(call.body);
  if (compressed) {
    WEIR_ASSIGN(std::string packed, compress(settings.compression, out.wire.body, settings.compression_level));
    out.wire.body.assign(1, Bytes::take(std::move(packed)));
    fields.add("grpc-encoding", to_string(settings.compression));
  }
  std::size_t size = 0;
  for (const Bytes& piece : out.wire.body) size += piece.size();
  if (size > UINT32_MAX) return fail(Errc::permanent, "message of {} bytes", size);
  append_grpc_prefix(out.wire.prefix, compressed, size);
  out.wire.max_response = settings.max_recv_msg_size + grpc_prefix_bytes;
  return out;
}

void GrpcClient::Impl::call(GrpcCall request, GrpcCallback done) {
  auto call = prepare(request);
  if (!call) {
    loop.post([d = std::move(done), r = local_result(GrpcCode::internal, call.error().what)]() mutable { d(std::move(r)); });
    return;
  }
  call->done = std::move(done);
  std::uint64_t id = ++last_id;
  check_at(call->deadline);
  calls.emplace(id, std::move(*call));
  waiting.push_back(id);
  dispatch();
}

ClientConnection* GrpcClient::Impl::pick() {
  for (std::size_t i = 0; i < subs.size(); ++i) {
    Subchannel& sub = *subs[turn++ % subs.size()];
    if (sub.connection && sub.connection->room() > 0) return sub.connection.get();
  }
  return nullptr;
}

void GrpcClient::Impl::dispatch() {
  while (!waiting.empty()) {
    ClientConnection* connection = pick();
    if (connection == nullptr) break;
    std::uint64_t id = waiting.front();
    waiting.pop_front();
    auto found = calls.find(id);
    if (found == calls.end()) continue;
    found->second.connection = connection;
    ++found->second.attempts;
    connection->send(id, found->second.wire);
  }
  if (waiting.empty()) return;
  connect_all();
  if (all_failing() && !settings.wait_for_ready)
    // Not from within call(): its caller expects to hear later.
    fail_timer = fail_timer != 0 ? fail_timer : loop.at(loop.now(), [this] {
      fail_timer = 0;
      if (all_failing()) fail_waiting();
    });
}

void GrpcClient::Impl::connect_all() {
  if (!looked_up) return resolve();
  for (auto& sub : subs)
    if (!sub->connection && !sub->dial && sub->retry == 0) connect(*sub);
}

bool GrpcClient::Impl::all_failing() const {
  if (lookup_failed && subs.empty()) return true;
  return !subs.empty() && std::all_of(subs.begin(), subs.end(), [](auto& sub) { return sub->failing; });
}

void GrpcClient::Impl::fail_waiting() {
  for (std::uint64_t id : std::exchange(waiting, {})) finish(id, local_result(GrpcCode::unavailable, last_error));
}

// At most once in resolve_interval, unless nothing is known yet.
void GrpcClient::Impl::resolve() {
  if (lookup || lookup_timer != 0 || (looked_up && !target.addresses.empty())) return;
  if (!target.addresses.empty()) return resolved(target.addresses);
  TimePoint allowed = looked_up_at == TimePoint{} ? loop.now() : looked_up_at + (lookup_failed ? settings.min_backoff : settings.resolve_interval);
  lookup_timer = loop.at(allowed, [this] {
    lookup_timer = 0;
    lookup_failed = false;
    looked_up_at = loop.now();
    const std::string& host = proxy ? proxy->host : target.endpoint.host;
    std::uint16_t port = proxy ? proxy->port : target.endpoint.port;
    lookup = std::make_unique<Lookup>(loop, host, port, [this](auto found) {
      lookup.reset();
      resolved(std::move(found));
    });
  });
}

void GrpcClient::Impl::resolved(Result<std::vector<SocketAddress>> found) {
  lookup_failed = !found;
  if (found) {
    looked_up = true;
    set_addresses(std::move(*found));
  } else {
    last_error = found.error().what;
    if (subs.empty() && !settings.wait_for_ready) fail_waiting();
  }
  if (!waiting.empty()) dispatch();
}

void GrpcClient::Impl::set_addresses(std::vector<SocketAddress> addresses) {
  // A proxy's addresses are no replicas.
  bool one = settings.balancer == Balancer::pick_first || proxy;
  std::vector<std::vector<SocketAddress>> wanted;
  if (one) wanted.push_back(std::move(addresses));
  else for (SocketAddress& address : addresses) wanted.push_back({address});
  std::vector<std::unique_ptr<Subchannel>> next;
  for (auto& group : wanted) {
    auto same = std::find_if(subs.begin(), subs.end(), [&](auto& sub) { return sub && sub->addresses == group; });
    if (same != subs.end()) {
      next.push_back(std::move(*same));
    } else {
      next.push_back(std::make_unique<Subchannel>());
      next.back()->addresses = std::move(group);
    }
  }
  for (auto& sub : subs) {
    if (!sub) continue;
    loop.cancel(sub->retry);
    if (sub->connection && sub->connection->open() > 0) leaving.push_back(std::move(sub->connection));
    else if (sub->connection) ClientConnection::retire(loop, std::move(sub->connection));
  }
  subs = std::move(next);
}

void GrpcClient::Impl::connect(Subchannel& sub) {
  sub.failing = false;
  DialPlan plan{.addresses = sub.addresses, .timeout = settings.connect_timeout};
  if (proxy) {
    plan.tunnel_to = join_host_port(target.endpoint.host, target.endpoint.port);
    if (!proxy->user_info.empty()) plan.proxy_authorization = "Basic " + encode_base64(proxy->user_info);
  }
  if (target.secure) {
    plan.tls = tls.get();
    plan.without_tls = "tls::insecure: true";
    auto name = parse_endpoint(target.authority, 0);
    plan.server_name = name && !name->is_unix() ? name->host : target.endpoint.host;
  }
  sub.dial = std::make_unique<Dial>(loop, std::move(plan),
                                    [this, &sub](Result<Stream> stream) { connected(sub, std::move(stream)); });
}

void GrpcClient::Impl::connected(Subchannel& sub, Result<Stream> stream) {
  sub.dial.reset();
  if (stream && stream->is_tls() && stream->alpn() != "h2")
    stream = fail(Errc::retryable, "tls: the peer does not speak HTTP/2");
  if (!stream) return failed(sub, stream.error());
  sub.failing = false;
  sub.backoff = Duration::zero();
  sub.connection = std::make_unique<ClientConnection>(loop, std::move(*stream), true, settings.keepalive, *this);
  dispatch();
}

// With the jitter and growth of gRPC's connection back-off.
void GrpcClient::Impl::failed(Subchannel& sub, const Error& error) {
  last_error = error.what;
  sub.failing = true;
  sub.backoff = sub.backoff == Duration::zero() ? settings.min_backoff
                                                : std::min(settings.max_backoff, sub.backoff / 10 * 16);
  auto jittered = Duration(static_cast<std::int64_t>(static_cast<double>(sub.backoff.count()) * (0.8 + 0.4 * rng.unit())));
  sub.retry = loop.after(jittered, [this, &sub] {
    sub.retry = 0;
    if (!waiting.empty() || subs.size() > 1) connect(sub);
  });
  resolve();
  if (all_failing() && !settings.wait_for_ready) fail_waiting();
}

void GrpcClient::Impl::disconnected(Subchannel& sub) {
  last_error = sub.connection->error();
  if (sub.connection->closed()) ClientConnection::retire(loop, std::move(sub.connection));
  else leaving.push_back(std::move(sub.connection));
  resolve();
  // Others would go on taking this one's share.
  if (subs.size() > 1) connect(sub);
}

void GrpcClient::Impl::on_change(ClientConnection& connection) {
  if (connection.closed() || connection.draining())
    for (auto& sub : subs)
      if (sub->connection.get() == &connection) disconnected(*sub);
  std::erase_if(leaving, [&](auto& own) {
    bool over = own->closed() || own->open() == 0;
    if (over) ClientConnection::retire(loop, std::move(own));
    return over;
  });
  if (!waiting.empty()) dispatch();
}

void GrpcClient::Impl::on_result(ClientConnection&, std::uint64_t id, WireResult result) {
  auto found = calls.find(id);
  if (found == calls.end()) return;
  if (result) return finish(id, read_reply(std::move(*result)));
  if (result.error().untouched && found->second.attempts < max_attempts) {
    found->second.connection = nullptr;
    waiting.push_front(id);
    return;
  }
  finish(id, local_result(GrpcCode::unavailable, std::move(result.error().error.what)));
}

void GrpcClient::Impl::finish(std::uint64_t id, GrpcResult result) {
  auto found = calls.find(id);
  if (found == calls.end()) return;
  GrpcCallback done = std::move(found->second.done);
  calls.erase(found);
  done(std::move(result));
}

namespace {

// The status is in the trailers, or in the headers when nothing else came.
void read_status(const WireReply& reply, GrpcResult& out) {
  const HeaderList& from = reply.trailers.find("grpc-status") ? reply.trailers : reply.headers;
  auto code = from.find("grpc-status");
  if (!code) {
    out.code = reply.status == 200 ? GrpcCode::unknown : grpc_code_of_http(reply.status);
    out.message = reply.status == 200 ? "the answer has no grpc-status"
                                      : fmt::format("unexpected HTTP status {}", reply.status);
    return;
  }
  int number = 0;
  for (char c : code->substr(0, 3)) number = c >= '0' && c <= '9' ? number * 10 + (c - '0') : 99;
  out.code = number <= 16 ? static_cast<GrpcCode>(number) : GrpcCode::unknown;
  out.message = decode_grpc_message(from.get("grpc-message"));
  if (auto details = from.find("grpc-status-details-bin"); details && decode_base64(*details, out.details))
    if (auto status = decode_rpc_status(out.details)) out.retry_delay = status->retry_delay;
}

Result<std::string> read_message(const WireReply& reply, std::size_t limit) {
  std::string_view body = reply.body;
  if (body.size() < grpc_prefix_bytes) return fail(Errc::internal, "the answer has no message");
  std::size_t size = 0;
  for (std::size_t i = 1; i < grpc_prefix_bytes; ++i) size = size << 8 | static_cast<unsigned char>(body[i]);
  if (size != body.size() - grpc_prefix_bytes) return fail(Errc::internal, "the answer is not one message");
  if (body[0] == 0) return std::string(body.substr(grpc_prefix_bytes));
  WEIR_ASSIGN(Compression kind, compression_of(reply.headers.get("grpc-encoding")));
  Charge charge;
  return decompress(kind, body.substr(grpc_prefix_bytes), limit, charge);
}

}  // namespace

GrpcResult GrpcClient::Impl::read_reply(WireReply reply) {
  GrpcResult out;
  if (reply.truncated) return local_result(GrpcCode::resource_exhausted, "the answer is larger than max_recv_msg_size");
  read_status(reply, out);
  if (out.ok()) {
    auto message = read_message(reply, settings.max_recv_msg_size);
    if (!message) return local_result(GrpcCode::internal, message.error().what);
    out.payload = std::move(*message);
  }
  out.trailers = std::move(reply.trailers);
  return out;
}

void GrpcClient::Impl::check_at(TimePoint when) {
  if (when >= timer_at) return;
  loop.cancel(timer);
  timer_at = when;
  timer = loop.at(when, [this] {
    timer = 0;
    timer_at = TimePoint::max();
    check();
  });
}

void GrpcClient::Impl::check() {
  TimePoint now = loop.now(), next = TimePoint::max();
  std::vector<std::uint64_t> late;
  for (auto& [id, call] : calls) {
    if (now >= call.deadline) late.push_back(id);
    else next = std::min(next, call.deadline);
  }
  check_at(next);
  for (std::uint64_t id : late) {
    auto found = calls.find(id);
    if (found == calls.end()) continue;
    if (found->second.connection != nullptr) found->second.connection->cancel(id);
    else std::erase(waiting, id);
    finish(id, local_result(GrpcCode::deadline_exceeded, "no answer in time"));
  }
}

GrpcClient::GrpcClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GrpcClient::~GrpcClient() = default;

Result<std::unique_ptr<GrpcClient>> GrpcClient::make(io::Executor& executor, GrpcClientSettings settings) {
  auto impl = std::make_unique<Impl>(io::loop_of(executor), std::move(settings));
  WEIR_TRY(impl->start());
  return std::unique_ptr<GrpcClient>(new GrpcClient(std::move(impl)));
}

void GrpcClient::call(GrpcCall call, GrpcCallback done) { impl_->call(std::move(call), std::move(done)); }
std::size_t GrpcClient::in_flight() const { return impl_->calls.size(); }

}  // namespace weir::net
