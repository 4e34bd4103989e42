#include "net/client.h"
#include "net/compression.h"
#include "net/testing.h"

using namespace weir;
using namespace weir::net;
using namespace weir::net::testing;

namespace {

std::string post(std::string_view body, std::string_view extra = "") {
  return fmt::format("POST /v1/traces?x=1 HTTP/1.1\r\nHost: a\r\n{}Content-Length: {}\r\n\r\n{}", extra, body.size(), body);
}

}  // namespace

TEST_CASE("http1: a request and its answer, twice on one connection") {
  TestServer s;
  RawPeer peer = s.peer();
  for (int i = 1; i <= 2; ++i) {
    peer.send(post("hello", "Content-Type: text/plain\r\n"));
    REQUIRE(peer.wait_for("hello"));
    std::string answer = peer.take();
    CHECK(answer.starts_with("HTTP/1.1 200 OK\r\ncontent-type: text/x-echo\r\ndate: "));
    CHECK(answer.ends_with("\r\ncontent-length: 5\r\n\r\nhello"));
    REQUIRE(s.handler.seen.size() == static_cast<std::size_t>(i));
  }
  const Request& request = s.handler.seen[0];
  CHECK(request.method() == "POST");
  CHECK(request.path() == "/v1/traces");
  CHECK(request.query() == "x=1");
  CHECK(request.host() == "a");
  CHECK(request.content_type() == "text/plain");
  CHECK(request.body.view() == "hello");
  CHECK(request.charge.bytes() == 5);
  CHECK(request.peer().starts_with("127.0.0.1:"));
  CHECK(s.server->stats().accepted == 1);
}

TEST_CASE("http1: a head that comes without its body is acknowledged at once") {
  TestServer s;
  RawPeer peer = s.peer();
  auto exchange = [&] {
    peer.send(post("hello"));
    REQUIRE(peer.wait_for("hello"));
    peer.take();
  };
  exchange();
  int served = other_end(peer.fd());
  REQUIRE(served >= 0);
  // Once answers are quick the kernel waits for them to send acknowledgements with; one that was slow ends that.
  auto answer_quickly = [&] {
    for (int i = 0; i < 1000 && acknowledges_at_once(served); ++i) exchange();
    REQUIRE_FALSE(acknowledges_at_once(served));
  };
  std::size_t heads = 0;
  s.handler.head = [&](const RequestHead&) { return ++heads, std::nullopt; };
  for (std::string_view framing : {"Content-Length: 4", "Transfer-Encoding: chunked"}) {
    CAPTURE(framing);
    answer_quickly();
    std::size_t before = heads;
    peer.send(fmt::format("POST /v1/traces HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n", framing));
    REQUIRE(s.until([&] { return heads > before; }));
    CHECK(acknowledges_at_once(served));
    peer.send(framing.starts_with("C") ? "body" : "4\r\nbody\r\n0\r\n\r\n");
    REQUIRE(peer.wait_for("body"));
    peer.take();
  }
}

TEST_CASE("http1: any cut of the bytes gives the same request") {
  std::string text = post("0123456789") +
                     "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\nB\r\n0123456789X\r\n0\r\nT: 1\r\n\r\n";
  for (std::size_t piece : {1, 2, 3, 7, 50}) {
    CAPTURE(piece);
    TestServer s;
    RawPeer peer = s.peer();
    for (std::size_t at = 0; at < text.size(); at += piece) {
      peer.send(std::string_view(text).substr(at, piece));
      s.loop.run_once(Duration::zero());
    }
    REQUIRE(s.until([&] { return s.handler.seen.size() == 2; }));
    CHECK(s.handler.seen[0].body.view() == "0123456789");
    CHECK(s.handler.seen[1].body.view() == "abc0123456789X");
  }
}

TEST_CASE("http1: pipelined requests wait for the answer before them") {
  TestServer s;
  s.handler.hold = true;
  RawPeer peer = s.peer();
  peer.send(post("first") + post("second") + post("third"));
  REQUIRE(s.until([&] { return s.handler.open.size() == 1; }));
  for (int i = 0; i < 5; ++i) s.loop.run_once(Duration::zero());
  CHECK(s.handler.open.size() == 1);
  s.handler.open[0].answer(EchoHandler::echo(s.handler.seen[0]));
  REQUIRE(s.until([&] { return s.handler.open.size() == 2; }));
  s.handler.hold = false;
  s.handler.open[1].answer(EchoHandler::echo(s.handler.seen[1]));
  REQUIRE(peer.wait_for("third"));
  std::string all = peer.take();
  CHECK(all.find("first") < all.find("second"));
  CHECK(all.find("second") < all.find("third"));
}

namespace {
// Five megabytes there and back.
void send_big_body(TestServer& s) {
  RawPeer peer = s.peer();
  std::string body(5'000'000, 'x');
  for (std::size_t i = 0; i < body.size(); i += 1000) body[i] = static_cast<char>(i / 1000);
  peer.send(post(body));
  REQUIRE(s.until([&] { return !s.handler.seen.empty(); }));
  CHECK(s.handler.seen[0].body.view() == body);
  CHECK(s.handler.seen[0].charge.bytes() == body.size());
  REQUIRE(s.until([&] { return peer.received().size() > body.size(); }));
}
}  // namespace

TEST_CASE("http1: big bodies are read into place") {
  TestServer s;
  send_big_body(s);
}

TEST_CASE("http1: a connection that rests because much is held goes on by itself, and loses nothing") {
  TestServer s;
  constexpr std::size_t much = 64 * 1024 * 1024;
  Charge held = s.budget.charge_unchecked(much);
  send_big_body(s);
}

TEST_CASE("http1: what is wrong is answered and the connection closed") {
  struct { std::string_view bytes; std::string_view status; } const rows[] = {
      {"GET / HTTP/1.1\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
      {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "400"},
      {"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nA b: c\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", "413"},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: br\r\nContent-Length: 9999999\r\n\r\n", "400"},
  };
  for (auto& row : rows) {
    CAPTURE(row.bytes);
    TestServer s;
    RawPeer peer = s.peer();
    peer.send(row.bytes);
    REQUIRE(peer.wait_closed());
    CHECK(peer.received().starts_with(fmt::format("HTTP/1.1 {} ", row.status)));
    CHECK(s.handler.errors.size() == 1);
    CHECK(s.handler.seen.empty());
  }
}

TEST_CASE("http1: garbage is closed without an answer") {
  for (std::string_view bytes : {std::string_view("\x16\x03\x01\x02\x00\x01", 6), std::string_view("\0\0\0\0", 4),
                                 std::string_view("hello\r\n")}) {
    TestServer s;
    RawPeer peer = s.peer();
    peer.send(bytes);
    REQUIRE(peer.wait_closed());
    CHECK(peer.received().empty());
    CHECK(s.server->stats().bad_peers == 1);
  }
}

TEST_CASE("http1: endless headers are cut off at the limit") {
  ServerSettings settings = loopback();
  settings.max_header_bytes = 8 * 1024;
  TestServer s(settings);
  RawPeer peer = s.peer();
  peer.send("GET / HTTP/1.1\r\n");
  for (int i = 0; i < 400 && !peer.closed(); ++i) peer.send(fmt::format("X-{}: {}\r\n", i, std::string(50, 'v')));
  REQUIRE(peer.wait_closed());
  CHECK(peer.received().starts_with("HTTP/1.1 431 "));
  REQUIRE(s.until([&] { return s.server->connections() == 0; }));
}

TEST_CASE("http1: too many headers") {
  ServerSettings settings = loopback();
  settings.max_header_count = 10;
  TestServer s(settings);
  RawPeer peer = s.peer();
  std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 10; ++i) text += "X: y\r\n";
  peer.send(text + "\r\n");
  REQUIRE(peer.wait_closed());
  CHECK(peer.received().starts_with("HTTP/1.1 400 "));
}

TEST_CASE("http1: slow heads, slow bodies and idle connections run into their time-outs") {
  ServerSettings settings = loopback();
  settings.read_header_timeout = 20ms;
  settings.read_timeout = 20ms;
  settings.idle_timeout = 20ms;
  struct { std::string_view bytes; std::string_view answer; } const rows[] = {
      {"", ""},
      {"P", ""},
      {"GET / HT", "HTTP/1.1 408 "},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n123", "HTTP/1.1 408 "},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12", "HTTP/1.1 408 "},
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 200 "},
  };
  for (auto& row : rows) {
    CAPTURE(row.bytes);
    TestServer s(settings);
    RawPeer peer = s.peer();
    peer.send(row.bytes);
    REQUIRE(peer.wait_closed());
    CHECK(peer.received().starts_with(row.answer));
    CHECK((!row.answer.empty() || peer.received().empty()));
  }
}

TEST_CASE("http1: the handler turns requests away before their body") {
  TestServer s;
  s.handler.head = [](const RequestHead& head) -> std::optional<Answer> {
    if (head.headers.get("authorization") == "yes") return std::nullopt;
    return Response{.status = 401};
  };
  RawPeer peer = s.peer();
  peer.send(post("secret"));  // short: skipped, and the connection goes on
  REQUIRE(peer.wait_for("HTTP/1.1 401 Unauthorized"));
  peer.send(post("open", "Authorization: yes\r\n"));
  REQUIRE(peer.wait_for("open"));
  CHECK(s.handler.seen.size() == 1);

  RawPeer big = s.peer();
  big.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n");
  REQUIRE(big.wait_closed());
  CHECK(big.received().find("connection: close") != std::string::npos);
}

TEST_CASE("http1: Expect: 100-continue is answered before the body, or not at all") {
  TestServer s;
  RawPeer peer = s.peer();
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  REQUIRE(peer.wait_for("HTTP/1.1 100 Continue\r\n\r\n"));
  peer.take();
  peer.send("abc");
  REQUIRE(peer.wait_for("abc"));
  s.handler.head = [](const RequestHead&) { return Response{.status = 403}; };
  peer.take();
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  REQUIRE(peer.wait_closed());
  CHECK(peer.received().starts_with("HTTP/1.1 403 "));
}

TEST_CASE("http1: an expectation that nobody knows is 417") {
  TestServer s;
  for (std::string_view what : {"200-foo", "100-continue, x"}) {
    RawPeer peer = s.peer();
    peer.send(post("", fmt::format("Expect: {}\r\n", what)));
    CHECK(peer.wait_for("HTTP/1.1 417 "));
  }
}

TEST_CASE("http1: a client that sends everything before it reads still sees the 413") {
  ServerSettings settings = loopback();
  settings.max_request_body_size = 1024 * 1024;
  TestServer s(settings);
  RawPeer peer = s.peer();
  peer.send(post(std::string(8 * 1024 * 1024, 'x')));
  CHECK(peer.wait_for("HTTP/1.1 413 "));
}

TEST_CASE("every address of one family is every address") {
  for (std::string_view endpoint : {"0.0.0.0:0", "[::]:0", ":0"}) {
    CAPTURE(endpoint);
    auto parsed = parse_endpoint(endpoint);
    REQUIRE(parsed);
    auto listener = listen_on(*parsed, {});
    REQUIRE(listener);
    std::uint16_t port = local_address(listener->get()).port();
    for (std::string host : {"127.0.0.1", "::1"}) {
      auto address = numeric_address(host, port).at(0);
      Fd probe(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
      if (host == "::1" && !probe) continue;  // no IPv6 here
      int connected = ::connect(probe.get(), address.get(), address.size);
      CHECK((connected == 0 || (host == "::1" && errno == EADDRNOTAVAIL)));
    }
  }
}

TEST_CASE("endpoints that cannot work") {
  for (std::string_view text : {"h:abc", "h:99999", "h:-1", "::1:4317", "user:pw@h:4317", "h", "a b:1", "h:4317/x", "[::1", "h{:1", ""}) {
    CAPTURE(text);
    CHECK_FALSE(parse_endpoint(text));
  }
  CHECK(parse_endpoint("user:hunter2@h:1").error().what.find("hunter2") == std::string::npos);
  for (std::string text : {"h:1/path", "h", "http://h", "https://h/x:1", "u@h:1"}) {
    CAPTURE(text);
    CHECK_FALSE(check_endpoint({.endpoint = text}));
  }
  for (std::string text : {"h:1", "http://h:1", "https://h:1/", "dns:///h:1", "unix:/x/y", "[::1]:1", "ipv4:127.0.0.1:1,127.0.0.1:2"}) {
    CAPTURE(text);
    CHECK(check_endpoint({.endpoint = text}));
  }
}

TEST_CASE("http1: no room is 503 with Retry-After, and later there is room again") {
  TestServer s(loopback(), 300'000);
  s.handler.hold = true;
  RawPeer first = s.peer();
  first.send(post(std::string(200'000, 'a')));
  REQUIRE(s.until([&] { return s.handler.open.size() == 1; }));
  RawPeer second = s.peer();
  second.send(post(std::string(200'000, 'b')));
  REQUIRE(second.wait_for("HTTP/1.1 503 "));
  CHECK(second.received().find("retry-after: 1\r\n") != std::string::npos);
  CHECK(s.server->stats().refused_requests == 1);
  REQUIRE(s.handler.errors.size() == 1);
  CHECK(s.handler.errors[0].code == Errc::refused);
  s.handler.open.clear();
  s.handler.seen.clear();
  s.handler.hold = false;
  RawPeer third = s.peer();
  third.send(post(std::string(200'000, 'c')));
  REQUIRE(third.wait_for("cccc"));
}

TEST_CASE("http1: the handler sees what came of a body that is refused, however it is compressed") {
  std::string text;
  for (int i = 0; text.size() < 150'000; ++i) text += fmt::format("{} of many, ", i * 7919);
  std::array pieces{Bytes::copy_of(text)};
  for (auto kind : {Compression::none, Compression::gzip, Compression::zlib, Compression::zstd, Compression::snappy, Compression::snappy_block, Compression::lz4}) {
    CAPTURE(to_string(kind));
    TestServer s(loopback(), 100'000);
    RawPeer peer = s.peer();
    std::string body = kind == Compression::none ? text : *compress(kind, pieces), name(to_string(kind == Compression::snappy_block ? Compression::snappy : kind));
    peer.send(fmt::format("POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: {}\r\nContent-Length: {}\r\n\r\n", name.empty() ? "identity" : name, body.size()) + body);
    REQUIRE(peer.wait_for("HTTP/1.1 503 "));
    CHECK(s.handler.refused == text);
  }
}

TEST_CASE("http1: no more is looked at of a refused body than a body may have") {
  ServerSettings settings = loopback();
  settings.max_request_body_size = 50'000;
  std::array pieces{Bytes::take(std::string(10'000'000, 'x'))};
  for (auto kind : {Compression::gzip, Compression::zstd, Compression::snappy, Compression::lz4}) {
    CAPTURE(to_string(kind));
    TestServer s(settings);
    RawPeer peer = s.peer();
    std::string body = compress(kind, pieces)->substr(0, 50'000);
    peer.send(fmt::format("POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: {}\r\nContent-Length: {}\r\n\r\n", to_string(kind), body.size()) + body);
    REQUIRE(peer.wait_for("HTTP/1.1 4"));
    CHECK(s.handler.refused.size() <= 50'000);
    CHECK(s.handler.refused.size() > 0);
  }
}

TEST_CASE("http1: the handler sees what came of a body that is too large, damaged or broken off") {
  ServerSettings settings = loopback();
  settings.max_request_body_size = 1000;
  TestServer s(settings);
  RawPeer too_large = s.peer();
  too_large.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3e8\r\n" + std::string(1000, 'd') + "\r\n0\r\n\r\n");
  REQUIRE(too_large.wait_for("HTTP/1.1 413 "));
  CHECK(s.handler.refused.starts_with("abc"));
  s.handler.refused.clear();

  std::array pieces{Bytes::copy_of("a text in gzip")};
  std::string body = *compress(Compression::gzip, pieces);
  body[body.size() - 6] ^= 1;  // of the checksum
  RawPeer damaged = s.peer();
  damaged.send(fmt::format("POST / HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n", body.size()) + body);
  REQUIRE(damaged.wait_for("HTTP/1.1 400 "));
  CHECK(s.handler.refused == "a text in gzip");
  s.handler.refused.clear();

  RawPeer gone = s.peer();
  gone.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nbegun");
  s.loop.run_once(1ms);
  gone.close();
  CHECK(s.until([&] { return s.handler.refused == "begun"; }));
  CHECK(s.handler.seen.empty());
}

TEST_CASE("without any room a new client is still told so") {
  TestServer s(loopback(), 1000);
  Charge all;
  REQUIRE(s.budget.try_charge(1000, all));
  RawPeer peer = s.peer();
  peer.send("POST / HTTP/1.1\r\nHost: a\r\n");
  s.loop.run_once(1ms);
  peer.send("Content-Length: 5\r\n\r\nhello");
  REQUIRE(peer.wait_for("HTTP/1.1 503 "));
  CHECK(peer.received().find("retry-after: 1") != std::string::npos);
}

TEST_CASE("http1: announcing much and sending nothing holds next to nothing of the budget") {
  TestServer s;
  RawPeer peer = s.peer();
  peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\nx");
  REQUIRE(s.until([&] { return s.budget.used() > 0; }));
  for (int i = 0; i < 5; ++i) s.loop.run_once(1ms);
  CHECK(s.budget.used() < 10'000);
}

TEST_CASE("http1: a responder let go without an answer answers 500") {
  TestServer s;
  s.handler.hold = true;
  RawPeer peer = s.peer();
  peer.send(post("x"));
  REQUIRE(s.until([&] { return s.handler.open.size() == 1; }));
  s.handler.open.clear();
  CHECK(peer.wait_for("HTTP/1.1 500 "));
}

TEST_CASE("http1: an answer for a connection that is gone goes nowhere") {
  TestServer s;
  s.handler.hold = true;
  RawPeer peer = s.peer();
  peer.send(post("x"));
  REQUIRE(s.until([&] { return s.handler.open.size() == 1; }));
  peer.close();
  REQUIRE(s.until([&] {
    s.loop.run_once(1ms);
    return s.handler.open.empty() || (s.handler.open.clear(), true);
  }));
  CHECK(s.until([&] { return s.server->connections() == 0; }));
}

TEST_CASE("http1: a client that closes its side still gets its answer") {
  TestServer s;
  s.handler.hold = true;
  RawPeer peer = s.peer();
  peer.send(post("half"));
  peer.finish_sending();
  REQUIRE(s.until([&] { return s.handler.open.size() == 1; }));
  for (int i = 0; i < 3; ++i) s.loop.run_once(1ms);
  s.handler.open[0].answer(EchoHandler::echo(s.handler.seen[0]));
  CHECK(peer.wait_for("half"));
  CHECK(peer.wait_closed());
}

TEST_CASE("http1: HEAD, HTTP/1.0 and Connection: close") {
  TestServer s;
  RawPeer head = s.peer();
  head.send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.0\r\n\r\n");
  REQUIRE(head.wait_closed());
  CHECK(head.received().find("connection: close") != std::string::npos);
  CHECK(s.handler.seen.size() == 2);
  RawPeer close = s.peer();
  close.send(post("x", "Connection: Close\r\n"));
  CHECK(close.wait_closed());
}

TEST_CASE("http1: drain lets the open request finish and refuses connections") {
  TestServer s;
  s.handler.hold = true;
  RawPeer busy = s.peer(), idle = s.peer();
  busy.send(post("busy"));
  REQUIRE(s.until([&] { return s.handler.open.size() == 1 && s.server->connections() == 2; }));
  bool drained = false;
  s.server->drain([&] { drained = true; });
  REQUIRE(idle.wait_closed());
  CHECK_FALSE(drained);
  s.handler.open[0].answer(EchoHandler::echo(s.handler.seen[0]));
  REQUIRE(busy.wait_closed());
  CHECK(busy.received().find("connection: close") != std::string::npos);
  CHECK(busy.received().ends_with("busy"));
  busy.close();
  idle.close();
  CHECK(s.until([&] { return drained; }));
}

TEST_CASE("http1: drain waits a moment for requests that may be on their way, and no longer") {
  TestServer s;
  RawPeer fresh = s.peer(), used = s.peer(), silent = s.peer();
  used.send(post("first"));
  REQUIRE(used.wait_for("first"));
  REQUIRE(s.until([&] { return s.server->connections() == 3; }));
  used.take();
  bool drained = false;
  TimePoint begun = s.loop.now();
  s.server->drain([&] { drained = true; });
  REQUIRE(s.until([&] { return s.loop.now() > begun + 20ms; }));
  fresh.send(post("fresh"));
  used.send(post("again"));
  REQUIRE(fresh.wait_for("fresh"));
  REQUIRE(used.wait_for("again"));
  CHECK(used.received().find("connection: close") != std::string::npos);
  REQUIRE(silent.wait_closed());
  CHECK(silent.received().empty());
  for (RawPeer* peer : {&fresh, &used, &silent}) peer->close();
  CHECK(s.until([&] { return drained; }));
  CHECK(s.server->stats().bad_peers == 0);
}

TEST_CASE("a listening socket can be handed over without losing who waits in it") {
  TestServer s;
  std::uint16_t port = s.server->port();
  RawPeer waiting(s.loop, port);
  waiting.send(post("kept"));
  int fd = s.server->release_listener();
  auto next = Server::listen(s.loop, loopback(), s.budget, s.handler, fd);
  REQUIRE(next);
  CHECK((*next)->port() == port);
  CHECK(waiting.wait_for("kept"));
}

TEST_CASE("a port that is in use is an error, unless it is to be shared") {
  TestServer s;
  ServerSettings settings = loopback();
  settings.endpoint = s.server->endpoint();
  auto second = Server::listen(s.loop, settings, s.budget, s.handler);
  REQUIRE_FALSE(second);
  CHECK(second.error().what.find("Address already in use") != std::string::npos);
  settings.share_port = true;
  CHECK(Server::listen(s.loop, settings, s.budget, s.handler));
}

TEST_CASE("more connections than allowed are closed at once") {
  ServerSettings settings = loopback();
  settings.max_connections = 2;
  TestServer s(settings);
  RawPeer a = s.peer(), b = s.peer();
  REQUIRE(s.until([&] { return s.server->connections() == 2; }));
  RawPeer c = s.peer();
  CHECK(c.wait_closed());
  CHECK(s.server->stats().refused_connections == 1);
  a.close();
  REQUIRE(s.until([&] { return s.server->connections() == 1; }));
  RawPeer d = s.peer();
  d.send(post("room"));
  CHECK(d.wait_for("room"));
}

TEST_CASE("connections that nobody uses make place for new ones; busy ones do not") {
  ServerSettings settings = loopback();
  settings.max_connections = 3;
  settings.evict_after = 1ms;
  TestServer s(settings);
  s.handler.hold = true;
  RawPeer busy = s.peer(), slow = s.peer(), silent = s.peer();
  busy.send(post("busy"));
  slow.send("POST / HTT");
  REQUIRE(s.until([&] { return s.handler.open.size() == 1 && s.server->connections() == 3; }));
  TimePoint start = s.loop.now();
  REQUIRE(s.until([&] { return s.loop.now() > start + 2ms; }));
  RawPeer fourth = s.peer(), fifth = s.peer(), sixth = s.peer();
  REQUIRE(slow.wait_closed());
  REQUIRE(silent.wait_closed());
  CHECK_FALSE(busy.closed());
  CHECK(s.server->connections() == 3);
  CHECK(s.server->stats().evicted_connections >= 2);
  s.handler.open[0].answer(EchoHandler::echo(s.handler.seen[0]));
  CHECK(busy.wait_for("busy"));
}

TEST_CASE("cors: preflight and answers") {
  ServerSettings settings = loopback();
  settings.cors.allowed_origins = {"https://*.example.com"};
  settings.cors.allowed_headers = {"X-Key"};
  settings.cors.max_age = 600;
  TestServer s(settings);
  RawPeer peer = s.peer();
  peer.send("OPTIONS /v1/traces HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example.com\r\n"
            "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type, x-key\r\n\r\n");
  REQUIRE(peer.wait_for("access-control-max-age: 600\r\n"));
  std::string answer = peer.take();
  CHECK(answer.starts_with("HTTP/1.1 204 "));
  CHECK(answer.find("access-control-allow-origin: https://app.example.com\r\n") != std::string::npos);
  CHECK(answer.find("access-control-allow-methods: POST\r\n") != std::string::npos);
  peer.send(post("x", "Origin: https://evil.com\r\n"));
  REQUIRE(peer.wait_for("\r\n\r\nx"));
  CHECK(peer.take().find("access-control-allow-origin") == std::string::npos);
  peer.send(post("y", "Origin: https://a.example.com\r\n"));
  REQUIRE(peer.wait_for("\r\n\r\ny"));
  CHECK(peer.take().find("access-control-allow-credentials: true\r\n") != std::string::npos);
}

TEST_CASE("unix sockets") {
  ServerSettings settings;
  settings.endpoint = fmt::format("unix:/tmp/weir-net-test-{}.sock", ::getpid());
  {
    TestServer s(settings);
    auto fd = start_connect(*unix_address(settings.endpoint.substr(5)));
    REQUIRE(fd);
    REQUIRE(s.until([&] { return s.server->connections() == 1; }));
  }
  TestServer again(settings);  // the file that was left behind is no obstacle
  ::unlink(settings.endpoint.c_str() + 5);
}

TEST_CASE("http1: a body that is made while it is sent, in chunks, and the next request behind it") {
  TestServer s;
  int made = 0;
  s.handler.head = [&](const RequestHead& head) -> std::optional<Answer> {
    if (head.path() != "/stream") return std::nullopt;
    return Response{.source = std::make_shared<Letters>(3, 20, made)};
  };
  RawPeer peer = s.peer();
  peer.send("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n" + post("hello"));
  REQUIRE(peer.wait_for("hello"));
  std::string answer = peer.take();
  CHECK(answer.find("content-length: 20") == answer.npos);
  CHECK(answer.find("\r\ntransfer-encoding: chunked\r\n\r\n14\r\naaaaaaaaaaaaaaaaaaaa\r\n14\r\nbbbbbbbbbbbbbbbbbbbb\r\n"
                    "14\r\ncccccccccccccccccccc\r\n0\r\n\r\nHTTP/1.1 200 OK") != answer.npos);
}

namespace {

// Has its first bytes late, as one that compresses.
struct Late : BodySource {
  bool next(std::string& out) override {
    if (++asked_ % 5 == 0) out += "late";
    return asked_ < 12;
  }
  int asked_ = 0;
};

}  // namespace

TEST_CASE("http1: parts of a body that is made while it is sent may be empty") {
  TestServer s;
  s.handler.head = [&](const RequestHead&) { return Response{.source = std::make_shared<Late>()}; };
  RawPeer peer = s.peer();
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  REQUIRE(peer.wait_for("0\r\n\r\n"));
  CHECK(peer.take().ends_with("\r\n\r\n4\r\nlate\r\n4\r\nlate\r\n0\r\n\r\n"));
}

TEST_CASE("http1: a body that takes long to have its next bytes does not keep the core from others") {
  struct Slow : BodySource {
    explicit Slow(int& asked) : asked(asked) {}
    bool next(std::string& out) override {
      if (++asked == 1000) out += "all";
      return asked < 1000;
    }
    int& asked;
  };
  TestServer s;
  int asked = 0;
  s.handler.head = [&](const RequestHead&) { return Response{.source = std::make_shared<Slow>(asked)}; };
  RawPeer peer = s.peer();
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  int most = 0;
  while (asked < 1000) {
    int before = asked;
    s.loop.run_once(1ms);
    most = std::max(most, asked - before);
  }
  CHECK(most <= 16);
  REQUIRE(peer.wait_for("0\r\n\r\n"));
}

TEST_CASE("http1: HTTP/1.0 gets a streamed body up to the end of the connection, HEAD none of it") {
  TestServer s;
  int made = 0;
  s.handler.head = [&](const RequestHead&) { return Response{.source = std::make_shared<Letters>(2, 3, made)}; };
  RawPeer old = s.peer();
  old.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  REQUIRE(old.wait_closed());
  CHECK(old.received().ends_with("connection: close\r\n\r\naaabbb"));
  RawPeer peer = s.peer();
  peer.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  REQUIRE(peer.wait_for("\r\n\r\n"));
  CHECK(peer.take().ends_with("transfer-encoding: chunked\r\n\r\n"));
  CHECK(made == 2);
}

TEST_CASE("http1: who does not read does not make a streamed body grow in memory") {
  TestServer s;
  int made = 0;
  s.handler.head = [&](const RequestHead&) { return Response{.source = std::make_shared<Letters>(10'000, 64 * 1024, made)}; };
  RawPeer peer = s.peer();
  peer.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  int before = -1;
  // Nothing of it is read: the kernel's buffers and ours fill up, and no more is made.
  for (int quiet = 0; quiet < 20; quiet = made == before ? quiet + 1 : 0) {
    before = made;
    s.loop.run_once(1ms);
  }
  CHECK(made < 500);
}
