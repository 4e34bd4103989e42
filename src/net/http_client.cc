#include <ctime>
#include <deque>
#include <set>

#include "base/text.h"
#include "io/loop_of.h"
#include "net/client.h"
#include "net/client_connection.h"
#include "net/dial.h"

namespace weir::net {
namespace {

// A request that certainly had no effect is sent again this often before its caller hears of it.
constexpr int max_attempts = 3;

struct Pool;

struct Pending {
  WireRequest wire;  // kept for another attempt
  HttpCallback done;         // one of these two
  BodySink* sink = nullptr;
  TimePoint deadline = TimePoint::max();
  Pool* pool = nullptr;
  Url target;
  ClientConnection* connection = nullptr;
  int attempts = 0;
  int redirects = 0;
  bool head_told = false;  // to the sink
};

// As many as Go follows.
constexpr int max_redirects = 10;

// What a Location means at a URL.
Result<Url> redirected(const Url& from, std::string_view location) {
  if (location.find("://") != location.npos) return parse_url(location);
  std::string scheme = from.https ? "https" : "http";
  if (location.starts_with("//")) return parse_url(fmt::format("{}:{}", scheme, location));
  std::string base = fmt::format("{}://{}", scheme, from.authority());
  if (location.starts_with('/')) return parse_url(base + std::string(location));
  std::string path = from.target.substr(0, from.target.find('?'));
  return parse_url(base + path.substr(0, path.rfind('/') + 1) + std::string(location));
}

struct Dialing {
  std::unique_ptr<Lookup> lookup;
  std::unique_ptr<Dial> dial;
};

// The connections to one scheme, host and port.
struct Pool {
  Url url;
  std::optional<Url> proxy;
  std::deque<std::uint64_t> waiting;
  std::vector<std::unique_ptr<ClientConnection>> connections;
  std::set<std::shared_ptr<Dialing>> dials;  // callbacks of an attempt share it until it is over
  bool speaks_http2 = true;                  // unknown counts as yes: one attempt, not one for each request
};

ProxyRules rules_of(const HttpClientSettings& settings) {
  if (!settings.proxy_url.empty()) return {settings.proxy_url, settings.proxy_url, settings.no_proxy};
  return settings.proxy_from_environment ? ProxyRules::from_environment() : ProxyRules();
}

}  // namespace

struct HttpClient::Impl final : ClientConnection::Owner {
  Impl(io::Loop& l, HttpClientSettings s) : loop(l), settings(std::move(s)), rules(rules_of(settings)) {}
  ~Impl();

  void send(HttpRequest request, HttpCallback done);
  std::uint64_t stream(HttpRequest request, BodySink& sink);
  std::uint64_t start(Pending pending);
  void resume(std::uint64_t id);
  void stop(std::uint64_t id);
  void on_part(std::uint64_t id, WireReply part);
  void end_stream(std::uint64_t id, Result<> end);
  Result<Pending> prepare(HttpRequest& request);
  Result<Pool*> pool_for(const Url& url);
  void dispatch(Pool& pool);
  ClientConnection* free_connection(Pool& pool);
  void dial(Pool& pool);
  void connect(Pool& pool, const std::shared_ptr<Dialing>& dialing, std::vector<SocketAddress> addresses);
  void connected(Pool& pool, const std::shared_ptr<Dialing>& dialing, Result<Stream> stream);
  void fail_waiting(Pool& pool, const Error& error);
  void on_result(ClientConnection& connection, std::uint64_t id, WireResult result) override;
  void on_change(ClientConnection& connection) override;
  bool try_again(ClientConnection& connection, std::uint64_t id, Pending& pending, const WireError& error);
  bool follow(std::uint64_t id, Pending& pending, std::string_view location);
  void address(Pending& pending, const Url& url);
  void finish(std::uint64_t id, Result<HttpResponse> result);
  void prune(Pool& pool);
  void check_at(TimePoint when);
  void check();

  io::Loop& loop;
  HttpClientSettings settings;
  ProxyRules rules;
  std::unique_ptr<TlsContext> tls;  // made for the first https URL: the system's authorities cost time and memory
  std::map<std::string, std::unique_ptr<Pool>, std::less<>> pools;
  std::unordered_map<const ClientConnection*, Pool*> owners;  // there may be thousands of pools: one for each target of a scraper
  std::unordered_map<std::uint64_t, Pending> requests;
  std::vector<std::pair<std::uint64_t, Error>> wrong;  // streams that could not begin
  std::uint64_t last_id = 0;
  io::TimerId timer = 0;
  TimePoint timer_at = TimePoint::max();
};

HttpClient::Impl::~Impl() {
  loop.cancel(timer);
  owners.clear();
  pools.clear();
  auto open = std::exchange(requests, {});
  Error closed{Errc::retryable, "the client was closed", {}};
  for (auto& [id, pending] : open) {
    if (pending.sink != nullptr) pending.sink->on_end(fail(closed));
    else if (pending.done) pending.done(fail(closed));
  }
}

Result<Pool*> HttpClient::Impl::pool_for(const Url& url) {
  std::string key = fmt::format("{}{}:{}", url.https ? "s" : "", url.host, url.port);
  if (auto found = pools.find(key); found != pools.end()) return found->second.get();
  if (url.https && !tls) {
    std::vector<std::string> alpn;
    if (settings.force_attempt_http2) alpn = {"h2", "http/1.1"};
    WEIR_ASSIGN(tls, TlsContext::client(settings.tls, loop, alpn));
  }
  auto pool = std::make_unique<Pool>();
  pool->url = url;
  pool->speaks_http2 = url.https && settings.force_attempt_http2;
  bool always = !settings.proxy_url.empty() && settings.no_proxy.empty();
  auto proxy = always ? settings.proxy_url : rules.proxy_for(url.https, url.host, url.port);
  if (proxy) {
    WEIR_ASSIGN(pool->proxy, parse_url(*proxy));
    if (pool->proxy->https) return fail(Errc::config, "proxy '{}': only http:// proxies are supported", *proxy);
  }
  return pools.emplace(key, std::move(pool)).first->second.get();
}

Result<Pending> HttpClient::Impl::prepare(HttpRequest& request) {
  WEIR_ASSIGN(Url url, parse_url(request.url));
  Pending pending;
  WEIR_ASSIGN(pending.pool, pool_for(url));
  HeaderList& fields = pending.wire.fields;
  fields.add(":method", request.method);
  address(pending, url);
  fields.add("user-agent", settings.user_agent);
  for (auto [name, value] : settings.headers) fields.set(name, value);
  for (auto [name, value] : request.headers) fields.remove(name);
  for (auto [name, value] : request.headers) fields.add(name, value);  // a name may come twice
  if (!url.user_info.empty() && !fields.find("authorization"))
    fields.add("authorization", "Basic " + encode_base64(url.user_info));
  pending.target = url;
  if (settings.disable_keep_alives) fields.set("connection", "close");
  pending.wire.max_response = settings.max_response_body;
  pending.wire.body = std::move(request.body);
  if (settings.compression != Compression::none && request.compress && !pending.wire.body.empty()) {
    WEIR_ASSIGN(std::string packed, compress(settings.compression, pending.wire.body, settings.compression_level));
    pending.wire.body.assign(1, Bytes::take(std::move(packed)));
    fields.set("content-encoding", content_encoding(settings.compression));
  }
  Duration timeout = request.timeout > Duration::zero() ? request.timeout : settings.timeout;
  if (timeout > Duration::zero()) pending.deadline = loop.now() + timeout;
  return pending;
}

// The fields that say where to; `pending.pool` is the URL's.
void HttpClient::Impl::address(Pending& pending, const Url& url) {
  bool absolute = pending.pool->proxy && !url.https;
  HeaderList& fields = pending.wire.fields;
  fields.add(":scheme", url.https ? "https" : "http");
  fields.add(":path", absolute ? fmt::format("http://{}{}", url.authority(), url.target) : url.target);
  fields.add(":authority", url.authority());
  if (absolute && !pending.pool->proxy->user_info.empty())
    fields.add("proxy-authorization", "Basic " + encode_base64(pending.pool->proxy->user_info));
}

// The same request to where a 307 or 308 sends it. Credentials and configured headers go to the same host only, and never
// from TLS to plain text. False: the redirect is the answer.
bool HttpClient::Impl::follow(std::uint64_t id, Pending& pending, std::string_view location) {
  if (location.empty() || pending.redirects >= max_redirects) return false;
  auto url = redirected(pending.target, location);
  if (!url) return false;
  auto pool = pool_for(*url);
  if (!pool) return false;
  bool trusted = url->host == pending.target.host && (url->https || !pending.target.https);
  pending.pool = *pool;
  HeaderList before = std::exchange(pending.wire.fields, {});
  pending.wire.fields.add(":method", before.get(":method"));
  address(pending, *url);
  for (auto [name, value] : before) {
    bool plain = name == "content-type" || name == "content-encoding" || name == "user-agent" || name == "connection";
    if (!name.starts_with(':') && name != "proxy-authorization" && (trusted || plain)) pending.wire.fields.add(name, value);
  }
  if (!url->user_info.empty()) pending.wire.fields.set("authorization", "Basic " + encode_base64(url->user_info));
  pending.target = std::move(*url);
  pending.connection = nullptr;
  pending.attempts = 0;
  ++pending.redirects;
  (*pool)->waiting.push_back(id);
  dispatch(**pool);
  return true;
}

void HttpClient::Impl::send(HttpRequest request, HttpCallback done) {
  auto pending = prepare(request);
  if (!pending) {
    loop.post([d = std::move(done), e = std::move(pending.error())]() mutable { d(fail(std::move(e))); });
    return;
  }
  pending->done = std::move(done);
  start(std::move(*pending));
}

std::uint64_t HttpClient::Impl::start(Pending pending) {
  std::uint64_t id = ++last_id;
  Pool& pool = *pending.pool;
  check_at(pending.deadline);
  requests.emplace(id, std::move(pending));
  pool.waiting.push_back(id);
  dispatch(pool);
  return id;
}

std::uint64_t HttpClient::Impl::stream(HttpRequest request, BodySink& sink) {
  auto pending = prepare(request);
  if (!pending) {
    // Told later, unless it was stopped by then.
    std::uint64_t id = ++last_id;
    requests.emplace(id, Pending{.sink = &sink});
    wrong.emplace_back(id, std::move(pending.error()));
    check_at(loop.now());
    return id;
  }
  pending->sink = &sink;
  pending->wire.streamed = true;
  return start(std::move(*pending));
}

void HttpClient::Impl::resume(std::uint64_t id) {
  auto found = requests.find(id);
  if (found != requests.end() && found->second.connection != nullptr) found->second.connection->pause(id, false);
}

void HttpClient::Impl::stop(std::uint64_t id) {
  auto found = requests.find(id);
  if (found == requests.end()) return;
  Pending pending = std::move(found->second);
  requests.erase(found);
  if (pending.pool != nullptr) std::erase(pending.pool->waiting, id);
  if (pending.connection != nullptr) pending.connection->cancel(id);
}

ClientConnection* HttpClient::Impl::free_connection(Pool& pool) {
  // The one used last: the others may grow old and be closed.
  for (auto i = pool.connections.rbegin(); i != pool.connections.rend(); ++i)
    if ((*i)->room() > 0) return i->get();
  return nullptr;
}

void HttpClient::Impl::dispatch(Pool& pool) {
  while (!pool.waiting.empty()) {
    ClientConnection* connection = free_connection(pool);
    if (connection == nullptr) break;
    std::uint64_t id = pool.waiting.front();
    pool.waiting.pop_front();
    auto found = requests.find(id);
    if (found == requests.end()) continue;
    found->second.connection = connection;
    ++found->second.attempts;
    connection->send(id, found->second.wire);
  }
  std::size_t wanted = pool.speaks_http2 ? std::min<std::size_t>(pool.waiting.size(), 1) : pool.waiting.size();
  std::size_t limit = settings.max_conns_per_host == 0 ? SIZE_MAX : settings.max_conns_per_host;
  while (pool.dials.size() < wanted && pool.dials.size() + pool.connections.size() < limit) dial(pool);
}

void HttpClient::Impl::dial(Pool& pool) {
  auto dialing = std::make_shared<Dialing>();
  pool.dials.insert(dialing);
  const Url& to = pool.proxy ? *pool.proxy : pool.url;
  dialing->lookup = std::make_unique<Lookup>(
      loop, to.host, to.port, [this, &pool, weak = std::weak_ptr(dialing)](Result<std::vector<SocketAddress>> found) {
        auto self = weak.lock();
        if (!self) return;
        if (found) connect(pool, self, std::move(*found));
        else connected(pool, self, fail(std::move(found.error())));
      });
}

void HttpClient::Impl::connect(Pool& pool, const std::shared_ptr<Dialing>& dialing,
                               std::vector<SocketAddress> addresses) {
  DialPlan plan{.addresses = std::move(addresses)};
  if (pool.proxy && pool.url.https) {
    plan.tunnel_to = join_host_port(pool.url.host, pool.url.port);
    if (!pool.proxy->user_info.empty()) plan.proxy_authorization = "Basic " + encode_base64(pool.proxy->user_info);
    plan.proxy_headers = settings.proxy_connect_headers;
  }
  if (pool.url.https) {
    plan.tls = tls.get();
    plan.without_tls = "http:// in its URL";
    plan.server_name = pool.url.host;
  }
  dialing->dial = std::make_unique<Dial>(loop, std::move(plan),
                                         [this, &pool, weak = std::weak_ptr(dialing)](Result<Stream> stream) {
                                           if (auto self = weak.lock()) connected(pool, self, std::move(stream));
                                         });
}

void HttpClient::Impl::connected(Pool& pool, const std::shared_ptr<Dialing>& dialing, Result<Stream> stream) {
  pool.dials.erase(dialing);
  if (!stream) return fail_waiting(pool, stream.error());
  bool http2 = stream->alpn() == "h2";
  if (pool.url.https) pool.speaks_http2 = http2;
  std::optional<ClientKeepalive> keepalive;
  if (settings.http2_read_idle_timeout > Duration::zero())
    keepalive = {settings.http2_read_idle_timeout, settings.http2_ping_timeout, true};
  pool.connections.push_back(std::make_unique<ClientConnection>(loop, std::move(*stream), http2, keepalive, *this));
  owners.emplace(pool.connections.back().get(), &pool);
  dispatch(pool);
  if (settings.idle_conn_timeout > Duration::zero()) check_at(loop.now() + settings.idle_conn_timeout);
}

void HttpClient::Impl::fail_waiting(Pool& pool, const Error& error) {
  for (std::uint64_t id : std::exchange(pool.waiting, {})) finish(id, fail(error));
}

void HttpClient::Impl::finish(std::uint64_t id, Result<HttpResponse> result) {
  auto found = requests.find(id);
  if (found == requests.end()) return;
  if (found->second.sink != nullptr) return end_stream(id, result ? Result<>() : fail(std::move(result.error())));
  HttpCallback done = std::move(found->second.done);
  requests.erase(found);
  done(std::move(result));
}

void HttpClient::Impl::end_stream(std::uint64_t id, Result<> end) {
  auto found = requests.find(id);
  BodySink* sink = found->second.sink;
  requests.erase(found);
  sink->on_end(std::move(end));
}

// The sink may stop the stream in each call.
void HttpClient::Impl::on_part(std::uint64_t id, WireReply part) {
  Pending& pending = requests.at(id);
  if (!std::exchange(pending.head_told, true)) {
    pending.deadline = TimePoint::max();
    pending.sink->on_head(part.status, part.headers);
  }
  auto found = requests.find(id);
  if (found == requests.end()) return;
  bool more = part.body.empty() || found->second.sink->on_piece(part.body);
  found = requests.find(id);
  if (found == requests.end()) return;
  if (!part.more) end_stream(id, {});
  else if (!more) found->second.connection->pause(id, true);
}

bool HttpClient::Impl::try_again(ClientConnection& connection, std::uint64_t id, Pending& pending,
                                 const WireError& error) {
  // On HTTP/1.1 only a connection that had worked before can have been closed just then.
  bool sure = error.untouched && !pending.head_told && (connection.is_http2() || connection.used() > 1);
  if (!sure || pending.attempts >= max_attempts) return false;
  pending.connection = nullptr;
  pending.pool->waiting.push_front(id);
  return true;
}

void HttpClient::Impl::on_result(ClientConnection& connection, std::uint64_t id, WireResult result) {
  auto found = requests.find(id);
  if (found == requests.end()) return;
  if (!result) {
    if (!try_again(connection, id, found->second, result.error())) finish(id, fail(std::move(result.error().error)));
    return;
  }
  if (found->second.sink != nullptr) return on_part(id, std::move(*result));
  bool redirect = result->status == 307 || result->status == 308;
  if (redirect && follow(id, found->second, result->headers.get("location"))) return;
  finish(id, HttpResponse{result->status, std::move(result->headers), std::move(result->body)});
}

void HttpClient::Impl::on_change(ClientConnection& connection) {
  auto at = owners.find(&connection);
  if (at == owners.end()) return;
  Pool& pool = *at->second;
  prune(pool);
  dispatch(pool);
}

// Lets go of what is closed, unwanted or idle beyond the limits.
void HttpClient::Impl::prune(Pool& pool) {
  std::size_t limit = settings.max_idle_conns_per_host == 0 ? 2 : settings.max_idle_conns_per_host;
  if (settings.max_idle_conns != 0) limit = std::min(limit, settings.max_idle_conns);
  limit = std::max(limit, pool.waiting.size());
  TimePoint now = loop.now();
  std::size_t idle = 0;
  for (std::size_t i = pool.connections.size(); i-- > 0;) {
    auto& connection = pool.connections[i];
    bool is_idle = connection->open() == 0;
    bool old = settings.idle_conn_timeout > Duration::zero() &&
               now >= connection->idle_since() + settings.idle_conn_timeout;
    bool spent = settings.disable_keep_alives && connection->used() > 0;
    if (!connection->closed() && !(is_idle && (spent || old || ++idle > limit))) continue;
    owners.erase(connection.get());
    ClientConnection::retire(loop, std::move(connection));
    pool.connections.erase(pool.connections.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

void HttpClient::Impl::check_at(TimePoint when) {
  if (when >= timer_at) return;
  loop.cancel(timer);
  timer_at = when;
  timer = loop.at(when, [this] {
    timer = 0;
    timer_at = TimePoint::max();
    check();
  });
}

void HttpClient::Impl::check() {
  for (auto& [id, error] : std::exchange(wrong, {})) finish(id, fail(std::move(error)));
  TimePoint now = loop.now(), next = TimePoint::max();
  std::vector<std::uint64_t> late;
  for (auto& [id, pending] : requests) {
    if (now >= pending.deadline) late.push_back(id);
    else next = std::min(next, pending.deadline);
  }
  for (std::uint64_t id : late) {
    if (!requests.contains(id)) continue;  // stopped by whoever was told before
    if (ClientConnection* connection = requests.at(id).connection) connection->cancel(id);
    std::erase(requests.at(id).pool->waiting, id);
    finish(id, fail(Errc::retryable, "timed out waiting for the answer"));
  }
  for (auto& [key, pool] : pools) {
    prune(*pool);
    for (auto& connection : pool->connections)
      if (settings.idle_conn_timeout > Duration::zero())
        next = std::min(next, std::max(connection->idle_since(), now) + settings.idle_conn_timeout);
  }
  check_at(next);
}

std::optional<Duration> HttpResponse::retry_after(UnixNanos now) const {
  std::string text(headers.get("retry-after"));
  if (text.empty()) return std::nullopt;
  if (std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return text.size() > 8 ? Duration(24h) * 365 : Duration(std::chrono::seconds(std::stoll(text)));
  std::tm parts{};
  if (::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts) == nullptr) return std::nullopt;
  auto wait = std::chrono::seconds(::timegm(&parts)) - std::chrono::seconds(now / 1'000'000'000);
  return std::clamp<Duration>(wait, Duration::zero(), Duration(24h) * 365);
}

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() = default;

Result<std::unique_ptr<HttpClient>> HttpClient::make(io::Executor& executor, HttpClientSettings settings) {
  auto impl = std::make_unique<Impl>(io::loop_of(executor), std::move(settings));
  WEIR_TRY(check_rules(impl->settings.tls));
  WEIR_TRY(check_files(impl->settings.tls));
  return std::unique_ptr<HttpClient>(new HttpClient(std::move(impl)));
}

void HttpClient::send(HttpRequest request, HttpCallback done) { impl_->send(std::move(request), std::move(done)); }
StreamId HttpClient::stream(HttpRequest request, BodySink& sink) { return impl_->stream(std::move(request), sink); }
void HttpClient::resume(StreamId stream) { impl_->resume(stream); }
void HttpClient::stop(StreamId stream) { impl_->stop(stream); }
std::size_t HttpClient::in_flight() const { return impl_->requests.size(); }

}  // namespace weir::net
