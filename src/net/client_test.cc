#include "net/client.h"

#include <set>

#include "base/rng.h"
#include "net/testing.h"
#include "net/url.h"

using namespace weir;
using namespace weir::net;
using namespace weir::net::testing;

namespace {

std::vector<Bytes> pieces(std::initializer_list<std::string> texts) {
  std::vector<Bytes> out;
  for (const std::string& text : texts) out.push_back(Bytes::copy_of(text));
  return out;
}

std::string noise(std::size_t size) {
  Rng rng(size);
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>(rng.next());
  return out;
}

struct HttpPair : TestServer {
  std::unique_ptr<HttpClient> client;
  std::vector<Result<HttpResponse>> results;

  explicit HttpPair(HttpClientSettings settings = {}, ServerSettings server_settings = loopback())
      : TestServer(std::move(server_settings)) {
    auto made = HttpClient::make(loop, std::move(settings));
    REQUIRE(made);
    client = std::move(*made);
  }
  std::string url(std::string_view path = "/x") { return fmt::format("http://{}{}", server->endpoint(), path); }
  void send(HttpRequest request) {
    client->send(std::move(request), [this](auto result) { results.push_back(std::move(result)); });
  }
  bool wait(std::size_t count) {
    return until([&] { return results.size() >= count; });
  }
};

struct GrpcPair : TestServer {
  std::unique_ptr<GrpcClient> client;
  std::vector<GrpcResult> results;

  explicit GrpcPair(GrpcClientSettings settings = {}, ServerSettings server_settings = loopback(),
                    std::size_t budget_bytes = SIZE_MAX / 2)
      : TestServer(std::move(server_settings), budget_bytes) {
    connect(std::move(settings));
  }
  void connect(GrpcClientSettings settings) {
    if (settings.endpoint.empty()) settings.endpoint = server->endpoint();
    settings.tls.insecure = true;
    settings.min_backoff = 5ms;
    auto made = GrpcClient::make(loop, std::move(settings));
    REQUIRE(made);
    client = std::move(*made);
  }
  void call(std::string body, Duration timeout = Duration::zero()) {
    client->call({.path = "/a.B/C", .body = pieces({std::move(body)}), .timeout = timeout},
                 [this](GrpcResult result) { results.push_back(std::move(result)); });
  }
  bool wait(std::size_t count) {
    return until([&] { return results.size() >= count; });
  }
};

}  // namespace

TEST_CASE("http client: a body in pieces arrives as one, and the connection is used again") {
  HttpPair pair;
  for (std::size_t i = 1; i <= 3; ++i) {
    pair.send({.url = pair.url("/v1/traces?a=b"), .headers = {{"X-Key", "v"}}, .body = pieces({"ab", "", std::string(1000, 'c')})});
    REQUIRE(pair.wait(i));
    REQUIRE(pair.results.back());
    CHECK(pair.results.back()->status == 200);
    CHECK(pair.results.back()->body == "ab" + std::string(1000, 'c'));
    CHECK(pair.results.back()->headers.get("content-type") == "text/x-echo");
  }
  CHECK(pair.server->stats().accepted == 1);
  CHECK(pair.handler.seen[0].path() == "/v1/traces");
  CHECK(pair.handler.seen[0].headers.get("x-key") == "v");
  CHECK(pair.handler.seen[0].headers.get("user-agent") == "weir");
}

TEST_CASE("http client: a header may come twice, and replaces the client's own") {
  HttpClientSettings settings;
  settings.headers = {{"x-key", "own"}};
  HttpPair pair(std::move(settings));
  HttpRequest request{.url = pair.url()};
  request.headers.add("x-key", "a");
  request.headers.add("x-key", "b");
  pair.send(std::move(request));
  REQUIRE(pair.wait(1));
  CHECK(pair.handler.seen[0].headers.values("x-key") == std::vector<std::string_view>{"a", "b"});
}

TEST_CASE("http client: requests at one time use several connections, up to the limit") {
  HttpClientSettings settings;
  settings.max_conns_per_host = 3;
  HttpPair pair(settings);
  pair.handler.hold = true;
  for (int i = 0; i < 5; ++i) pair.send({.url = pair.url(), .body = pieces({std::to_string(i)})});
  REQUIRE(pair.until([&] { return pair.handler.open.size() == 3; }));
  for (int i = 0; i < 5; ++i) pair.loop.run_once(1ms);
  CHECK(pair.handler.open.size() == 3);
  pair.handler.hold = false;
  for (std::size_t i = 0; i < 3; ++i) pair.handler.open[i].answer(Response{});
  CHECK(pair.wait(5));
  CHECK(pair.server->stats().accepted == 3);
}

TEST_CASE("http client: what is compressed there is decompressed here") {
  for (Compression kind : {Compression::gzip, Compression::zlib, Compression::zstd, Compression::snappy, Compression::lz4}) {
    CAPTURE(to_string(kind));
    HttpClientSettings settings;
    settings.compression = kind;
    HttpPair pair(settings);
    std::string body(50'000, 'x');
    pair.send({.url = pair.url(), .body = pieces({body, "tail"})});
    REQUIRE(pair.wait(1));
    REQUIRE(pair.results[0]);
    CHECK(pair.results[0]->body == body + "tail");
    CHECK(pair.handler.seen[0].content_encoding == kind);
    CHECK(pair.handler.seen[0].wire_size < 5000);
  }
}

TEST_CASE("http client: snappy is one block, its framed form has a name of its own") {
  for (auto [kind, name] : {std::pair(Compression::snappy_block, "snappy"), std::pair(Compression::snappy, "x-snappy-framed")}) {
    HttpClientSettings settings;
    settings.compression = kind;
    HttpPair pair(settings);
    std::string body(50'000, 'x');
    pair.send({.url = pair.url(), .body = pieces({body})});
    REQUIRE(pair.wait(1));
    REQUIRE(pair.results[0]);
    CHECK(pair.results[0]->body == body);
    CHECK(pair.handler.seen[0].headers.get("content-encoding") == name);
  }
  CHECK(http_compression(Compression::snappy, "snappy") == Compression::snappy_block);
  CHECK(http_compression(Compression::snappy, "x-snappy-framed") == Compression::snappy);
  CHECK(http_compression(Compression::gzip, "gzip") == Compression::gzip);
}

TEST_CASE("http client: 307 and 308 are followed with the same method and body, credentials go to the same host only") {
  HttpClientSettings settings;
  settings.headers.add("x-api-key", "secret");
  HttpPair pair(settings);
  std::string other = "http://localhost:" + pair.server->endpoint().substr(pair.server->endpoint().rfind(':') + 1);
  pair.handler.head = [&](const RequestHead& head) -> std::optional<Answer> {
    if (head.path() == "/a") return Response{.status = 307, .headers = {{"location", "/b?c=d"}}};
    if (head.path() == "/far") return Response{.status = 308, .headers = {{"location", other + "/b"}}};
    if (head.path() == "/round") return Response{.status = 308, .headers = {{"location", "round"}}};
    if (head.path() == "/moved") return Response{.status = 302, .headers = {{"location", "/b"}}};
    return std::nullopt;
  };
  auto ask = [&](std::string_view path) {
    std::size_t before = pair.results.size();
    pair.send({.url = pair.url(path), .headers = {{"authorization", "Bearer x"}, {"content-type", "text/x"}}, .body = pieces({"body"})});
    REQUIRE(pair.wait(before + 1));
    REQUIRE(pair.results.back());
    return pair.results.back()->status;
  };
  CHECK(ask("/a") == 200);
  REQUIRE(pair.handler.seen.size() == 1);
  CHECK(pair.handler.seen[0].method() == "POST");
  CHECK(pair.handler.seen[0].path() == "/b");
  CHECK(pair.handler.seen[0].query() == "c=d");
  CHECK(pair.handler.seen[0].body.view() == "body");
  CHECK(pair.handler.seen[0].headers.get("authorization") == "Bearer x");
  CHECK(pair.handler.seen[0].headers.get("x-api-key") == "secret");
  CHECK(ask("/far") == 200);
  REQUIRE(pair.handler.seen.size() == 2);
  CHECK(pair.handler.seen[1].body.view() == "body");
  CHECK(pair.handler.seen[1].headers.get("content-type") == "text/x");
  CHECK(!pair.handler.seen[1].headers.find("authorization"));
  CHECK(!pair.handler.seen[1].headers.find("x-api-key"));
  CHECK(ask("/round") == 308);
  CHECK(ask("/moved") == 302);
}

TEST_CASE("http client: a server that has gone is noticed; a new one is found") {
  HttpPair pair;
  pair.send({.url = pair.url(), .body = pieces({"1"})});
  REQUIRE(pair.wait(1));
  ServerSettings same = loopback();
  same.endpoint = pair.server->endpoint();
  std::string url = pair.url();
  pair.server.reset();
  pair.send({.url = url, .body = pieces({"2"})});
  REQUIRE(pair.wait(2));
  REQUIRE_FALSE(pair.results[1]);
  CHECK(pair.results[1].error().code == Errc::retryable);
  CHECK(pair.results[1].error().what.find("Connection refused") != std::string::npos);
  pair.server = std::move(*Server::listen(pair.loop, same, pair.budget, pair.handler));
  pair.send({.url = url, .body = pieces({"3"})});
  REQUIRE(pair.wait(3));
  CHECK(pair.results[2]);
}

TEST_CASE("http client: a time-out ends the request and its connection") {
  HttpPair pair;
  pair.handler.hold = true;
  pair.send({.url = pair.url(), .body = pieces({"1"}), .timeout = 10ms});
  REQUIRE(pair.wait(1));
  CHECK_FALSE(pair.results[0]);
  CHECK(pair.client->in_flight() == 0);
  pair.handler.open.clear();
  CHECK(pair.until([&] { return pair.server->connections() == 0; }));
}

TEST_CASE("http client: closing it ends what is open") {
  HttpPair pair;
  pair.handler.hold = true;
  pair.send({.url = pair.url(), .body = pieces({"1"})});
  REQUIRE(pair.until([&] { return pair.handler.open.size() == 1; }));
  pair.client.reset();
  REQUIRE(pair.results.size() == 1);
  CHECK(pair.results[0].error().code == Errc::retryable);
}

TEST_CASE("http client: bad urls are told later, not thrown") {
  HttpPair pair;
  for (std::string url : {"", "ftp://a/", "http://", "http://a b/", "http://a:99999/"}) {
    CAPTURE(url);
    std::size_t before = pair.results.size();
    pair.send({.url = url});
    CHECK(pair.results.size() == before);
    REQUIRE(pair.wait(before + 1));
    CHECK_FALSE(pair.results.back());
  }
}

TEST_CASE("http client: answers of every framing, and broken ones") {
  struct { std::string_view answer; int status; std::string_view body; } const rows[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, ""},
      {"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", 503, "no"},
      {"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, "until the end"},
      {"HTTP/1.1 204 None\r\n\r\n", 204, ""},
      {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", 0, ""},
      {"HTTP/1.1 2x0 OK\r\n\r\n", 0, ""},
      {"SSH-2.0-OpenSSH\r\n\r\n", 0, ""},
      {"", 0, ""},
  };
  for (auto& row : rows) {
    CAPTURE(row.answer);
    io::Loop loop;
    auto listener = listen_on({.host = "127.0.0.1"}, {});
    auto client = HttpClient::make(loop, {});
    std::optional<Result<HttpResponse>> result;
    (*client)->send({.url = "http://" + to_string(local_address(listener->get())) + "/"}, [&](auto r) { result = std::move(r); });
    Fd peer;
    bool answered = false;
    for (int i = 0; i < 20'000 && !result; ++i) {
      loop.run_once(1ms);
      if (!peer) peer = Fd(::accept4(listener->get(), nullptr, nullptr, SOCK_NONBLOCK));
      char request[1000];
      if (peer && !answered && ::recv(peer.get(), request, sizeof request, 0) > 0) {
        answered = true;
        CHECK(::send(peer.get(), row.answer.data(), row.answer.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(row.answer.size()));
        ::shutdown(peer.get(), SHUT_WR);
      }
    }
    REQUIRE(result);
    REQUIRE(result->has_value() == (row.status != 0));
    if (row.status == 0) continue;
    CHECK((*result)->status == row.status);
    CHECK((*result)->body == row.body);
  }
}

TEST_CASE("http client: retry-after in seconds and as a date") {
  HttpResponse response;
  CHECK_FALSE(response.retry_after(0));
  response.headers.set("retry-after", "7");
  CHECK(response.retry_after(0) == 7s);
  response.headers.set("retry-after", "Tue, 14 Nov 2023 22:13:25 GMT");
  CHECK(response.retry_after(1'700'000'000'000'000'000) == 5s);
  CHECK(response.retry_after(1'800'000'000'000'000'000) == 0s);
  response.headers.set("retry-after", "soon");
  CHECK_FALSE(response.retry_after(0));
}

TEST_CASE("http client: plain requests go through a proxy, https ones through a tunnel") {
  HttpClientSettings settings;
  TestServer proxy;
  settings.proxy_url = "http://user:pw@" + proxy.server->endpoint();
  auto client = HttpClient::make(proxy.loop, settings);
  std::optional<Result<HttpResponse>> result;
  (*client)->send({.url = "http://example.test/p?q", .body = pieces({"x"})}, [&](auto r) { result = std::move(r); });
  REQUIRE(proxy.until([&] { return result.has_value(); }));
  CHECK(proxy.handler.seen.at(0).host() == "example.test");
  CHECK(proxy.handler.seen.at(0).path() == "/p");
  CHECK(proxy.handler.seen.at(0).headers.get("proxy-authorization") == "Basic dXNlcjpwdw==");
  result.reset();
  (*client)->send({.url = "https://example.test/"}, [&](auto r) { result = std::move(r); });
  REQUIRE(proxy.until([&] { return result.has_value(); }));
  CHECK_FALSE(*result);  // our server is no proxy: it answers CONNECT with an error
  CHECK(result->error().what.find("proxy: ") == 0);
}

TEST_CASE("proxy variables") {
  ProxyRules rules{.http = "proxy:3128", .https = "http://sproxy:1", .no_proxy = "a.test, .b.test,10.0.0.0/8,c.test:81"};
  struct { bool https; std::string_view host; std::uint16_t port; std::string_view proxy; } const rows[] = {
      {false, "x.test", 80, "http://proxy:3128"}, {true, "x.test", 443, "http://sproxy:1"},
      {false, "a.test", 80, ""},  {false, "x.a.test", 80, ""}, {false, "xa.test", 80, "http://proxy:3128"},
      {false, "b.test", 80, "http://proxy:3128"}, {false, "x.b.test", 80, ""}, {false, "10.1.2.3", 80, ""},
      {false, "11.1.2.3", 80, "http://proxy:3128"}, {false, "c.test", 81, ""}, {false, "c.test", 80, "http://proxy:3128"},
      {false, "localhost", 80, ""}, {false, "127.0.0.1", 80, ""}};
  for (auto& row : rows) {
    CAPTURE(row.host);
    CHECK(rules.proxy_for(row.https, row.host, row.port).value_or("") == row.proxy);
  }
}

TEST_CASE("urls") {
  auto url = parse_url("https://u%40x:p@[::1]:8443/a/b?c=d#e");
  REQUIRE(url);
  CHECK(url->https);
  CHECK(url->host == "::1");
  CHECK(url->port == 8443);
  CHECK(url->target == "/a/b?c=d");
  CHECK(url->user_info == "u@x:p");
  CHECK(url->authority() == "[::1]:8443");
  CHECK(parse_url("http://h?x")->target == "/?x");
  CHECK(parse_url("HTTP://h")->authority() == "h");
}

TEST_CASE("grpc: a call, its metadata and its message") {
  GrpcClientSettings settings;
  settings.headers = {{"x-tenant", "t1"}};
  GrpcPair pair(settings);
  pair.call("hello", 10s);
  REQUIRE(pair.wait(1));
  CHECK(pair.results[0].ok());
  CHECK(pair.results[0].payload == "hello");
  const Request& request = pair.handler.seen.at(0);
  CHECK(request.is_grpc);
  CHECK(request.path() == "/a.B/C");
  CHECK(request.headers.get("x-tenant") == "t1");
  CHECK(request.deadline.has_value());
  CHECK(request.charge.bytes() == 5);
}

TEST_CASE("grpc: empty, big and compressed messages") {
  for (Compression kind : {Compression::none, Compression::gzip, Compression::zstd, Compression::snappy})
    for (std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{70'000}, std::size_t{4 * 1024 * 1024 - 1000}}) {
      CAPTURE(to_string(kind));
      CAPTURE(size);
      GrpcClientSettings settings;
      settings.compression = kind;
      GrpcPair pair(settings);
      std::string body = noise(size);
      pair.call(body);
      REQUIRE(pair.wait(1));
      CHECK(pair.results[0].message == "");
      CHECK(pair.results[0].payload == body);
      CHECK(pair.handler.seen.at(0).content_encoding == kind);
    }
}

TEST_CASE("grpc: many calls share one connection and are answered in any order") {
  GrpcPair pair;
  pair.handler.hold = true;
  for (int i = 0; i < 500; ++i) pair.call(std::to_string(i));
  REQUIRE(pair.until([&] { return pair.handler.open.size() == 500; }));
  for (std::size_t i = 500; i-- > 0;) pair.handler.open[i].answer(EchoHandler::echo(pair.handler.seen[i]));
  REQUIRE(pair.wait(500));
  std::set<std::string> payloads;
  for (auto& result : pair.results) payloads.insert(result.payload);
  CHECK(payloads.size() == 500);
  CHECK(pair.server->stats().accepted == 1);
}

TEST_CASE("grpc: more calls than the server's streams wait for their turn") {
  ServerSettings settings = loopback();
  settings.max_concurrent_streams = 2;
  GrpcPair pair({}, settings);
  pair.call("first");
  REQUIRE(pair.wait(1));
  pair.handler.hold = true;
  for (int i = 0; i < 5; ++i) pair.call(std::to_string(i));
  REQUIRE(pair.until([&] { return pair.handler.open.size() == 2; }));
  for (int i = 0; i < 5; ++i) pair.loop.run_once(1ms);
  CHECK(pair.handler.open.size() == 2);
  pair.handler.hold = false;
  for (auto& responder : pair.handler.open) responder.answer(GrpcAnswer{});
  CHECK(pair.wait(6));
}

TEST_CASE("grpc: statuses, messages and delays survive the trip") {
  GrpcPair pair;
  pair.handler.hold = true;
  pair.call("1");
  pair.call("2");
  pair.call("3");
  REQUIRE(pair.until([&] { return pair.handler.open.size() == 3; }));
  pair.handler.open[0].answer(GrpcAnswer{.code = GrpcCode::unavailable, .message = "voll: 100% \xC3\xBC", .retry_delay = 1500ms});
  pair.handler.open[1].answer(GrpcAnswer{.code = GrpcCode::resource_exhausted, .trailers = {{"x-a", "b"}}});
  pair.handler.open.pop_back();  // let go
  REQUIRE(pair.wait(3));
  CHECK(pair.results[0].code == GrpcCode::unavailable);
  CHECK(pair.results[0].message == "voll: 100% \xC3\xBC");
  CHECK(pair.results[0].retry_delay == 1500ms);
  CHECK_FALSE(pair.results[0].local);
  CHECK(pair.results[1].code == GrpcCode::resource_exhausted);
  CHECK_FALSE(pair.results[1].retry_delay);
  CHECK(pair.results[2].code == GrpcCode::internal);
}

TEST_CASE("grpc: a message over the limit is refused before it is read") {
  ServerSettings settings = loopback();
  settings.max_recv_msg_size = 1000;
  for (Compression kind : {Compression::none, Compression::gzip}) {
    GrpcClientSettings client;
    client.compression = kind;
    GrpcPair pair(client, settings);
    pair.call(std::string(2'000'000, 'x'));
    REQUIRE(pair.wait(1));
    CHECK(pair.results[0].code == GrpcCode::resource_exhausted);
    CHECK(pair.handler.seen.empty());
    pair.call("small");  // the connection is fine
    REQUIRE(pair.wait(2));
    CHECK(pair.results[1].ok());
    CHECK(pair.server->stats().accepted == 1);
  }
}

TEST_CASE("grpc: no room is UNAVAILABLE with a delay, and passes") {
  GrpcPair pair({}, loopback(), 700'000);
  pair.handler.hold = true;
  pair.call(std::string(300'000, 'a'));
  REQUIRE(pair.until([&] { return pair.handler.open.size() == 1; }));
  pair.call(std::string(600'000, 'b'));
  REQUIRE(pair.wait(1));
  CHECK(pair.results[0].code == GrpcCode::unavailable);
  CHECK(pair.results[0].retry_delay == 1s);
  CHECK(pair.budget.used() < 700'000);
  pair.handler.open.clear();
  pair.handler.seen.clear();
  pair.handler.hold = false;
  REQUIRE(pair.wait(2));
  pair.call(std::string(600'000, 'c'));
  REQUIRE(pair.wait(3));
  CHECK(pair.results[2].ok());
}

TEST_CASE("grpc: without any room a new client is still told so") {
  GrpcPair pair({}, loopback(), 1000);
  Charge all;
  REQUIRE(pair.budget.try_charge(1000, all));
  pair.call("x");
  REQUIRE(pair.wait(1));
  CHECK(pair.results[0].code == GrpcCode::unavailable);
  CHECK(pair.results[0].retry_delay == 1s);
}

TEST_CASE("names are looked up elsewhere; whoever asked may be gone when the answer comes") {
  GrpcPair pair;
  GrpcClientSettings settings;
  settings.endpoint = fmt::format("dns:///localhost:{}", pair.server->port());
  for (int i = 0; i < 20; ++i) {
    pair.connect(settings);
    pair.call("x");
    pair.loop.run_once(Duration::zero());
  }
  pair.connect(settings);
  pair.results.clear();
  pair.call("found");
  REQUIRE(pair.wait(1));
  CHECK(pair.results[0].payload == "found");
  auto http = HttpClient::make(pair.loop, {});
  std::optional<Result<HttpResponse>> result;
  (*http)->send({.url = fmt::format("http://localhost:{}/", pair.server->port())}, [&](auto r) { result = std::move(r); });
  REQUIRE(pair.until([&] { return result.has_value(); }));
  CHECK(*result);
  result.reset();
  (*http)->send({.url = "http://no-such-host.invalid/"}, [&](auto r) { result = std::move(r); });
  REQUIRE(pair.until([&] { return result.has_value(); }));
  CHECK_FALSE(*result);
}

TEST_CASE("grpc: deadlines hold on both sides") {
  GrpcPair pair;
  pair.handler.hold = true;
  pair.call("slow", 10ms);
  REQUIRE(pair.wait(1));
  CHECK(pair.results[0].code == GrpcCode::deadline_exceeded);
  REQUIRE(pair.until([&] { return pair.handler.open.size() == 1; }));
  pair.handler.open[0].answer(GrpcAnswer{});  // too late for anybody
  pair.handler.open.clear();
  pair.handler.hold = false;
  pair.call("next");
  REQUIRE(pair.wait(2));
  CHECK(pair.results[1].ok());
  CHECK(pair.server->stats().accepted == 1);
}

TEST_CASE("grpc: nobody there is UNAVAILABLE, unless the caller waits") {
  GrpcPair pair;
  ServerSettings same = loopback();
  same.endpoint = pair.server->endpoint();
  GrpcClientSettings patient;
  patient.endpoint = same.endpoint;
  patient.wait_for_ready = true;
  pair.server.reset();
  pair.call("1");
  REQUIRE(pair.wait(1));
  CHECK(pair.results[0].code == GrpcCode::unavailable);
  CHECK(pair.results[0].local);
  CHECK(pair.results[0].message.find("Connection refused") != std::string::npos);
  pair.connect(patient);
  pair.call("2");
  for (int i = 0; i < 20; ++i) pair.loop.run_once(1ms);
  CHECK(pair.results.size() == 1);
  pair.server = std::move(*Server::listen(pair.loop, same, pair.budget, pair.handler));
  REQUIRE(pair.wait(2));
  CHECK(pair.results[1].ok());
}

TEST_CASE("grpc: a server that drains finishes what is open; new calls go to the next one") {
  GrpcPair pair;
  pair.handler.hold = true;
  pair.call("old");
  REQUIRE(pair.until([&] { return pair.handler.open.size() == 1; }));
  ServerSettings same = loopback();
  same.endpoint = pair.server->endpoint();
  same.share_port = true;
  bool drained = false;
  auto next = Server::listen(pair.loop, same, pair.budget, pair.handler);
  REQUIRE(next);
  pair.server->drain([&] { drained = true; });
  for (int i = 0; i < 20; ++i) pair.loop.run_once(1ms);
  CHECK_FALSE(drained);
  pair.call("new");
  REQUIRE(pair.until([&] { return pair.handler.open.size() == 2; }));
  CHECK((*next)->stats().accepted == 1);
  pair.handler.open[0].answer(EchoHandler::echo(pair.handler.seen[0]));
  REQUIRE(pair.wait(1));
  CHECK(pair.results[0].payload == "old");
  CHECK(pair.until([&] { return drained; }));
  pair.handler.open.clear();
  REQUIRE(pair.wait(2));
}

TEST_CASE("grpc: two addresses are used in turn, and one is enough") {
  io::Loop loop;
  Budget budget;
  EchoHandler a, b;
  auto first = Server::listen(loop, loopback(), budget, a);
  REQUIRE(first);
  ServerSettings other = loopback();
  auto second = Server::listen(loop, other, budget, b);
  REQUIRE(second);
  GrpcClientSettings settings;
  settings.endpoint = fmt::format("ipv4:{},{}", (*first)->endpoint(), (*second)->endpoint());
  settings.tls.insecure = true;
  settings.min_backoff = 5ms;
  auto client = GrpcClient::make(loop, settings);
  REQUIRE(client);
  std::vector<GrpcResult> results;
  auto call = [&] {
    (*client)->call({.path = "/a/B", .body = pieces({"x"})}, [&](GrpcResult r) { results.push_back(std::move(r)); });
  };
  auto connected = [&] { return (*first)->connections() + (*second)->connections() == 2; };
  call();
  REQUIRE(loop.run_until([&] { return results.size() == 1 && connected(); }));
  for (int i = 0; i < 20; ++i) loop.run_once(1ms);
  for (int i = 0; i < 10; ++i) call();
  REQUIRE(loop.run_until([&] { return results.size() == 11; }));
  CHECK(a.seen.size() >= 5);
  CHECK(b.seen.size() >= 5);
  second->reset();
  for (int i = 0; i < 20; ++i) loop.run_once(1ms);
  for (int i = 0; i < 10; ++i) call();
  REQUIRE(loop.run_until([&] { return results.size() == 21; }));
  for (auto& result : results) CHECK(result.ok());
}

TEST_CASE("http over HTTP/2 on the same port") {
  TestServer s;
  RawPeer peer = s.peer();
  peer.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  peer.send(std::string("\0\0\0\x04\0\0\0\0\0", 9));
  REQUIRE(s.until([&] { return peer.received().size() >= 9; }));
  CHECK(peer.received()[3] == 4);  // SETTINGS
}
