// The HTTP/2 server against peers that no library would be: frames made by hand.
#include "net/testing.h"

using namespace weir;
using namespace weir::net;
using namespace weir::net::testing;

namespace {

constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

std::string frame(int type, int flags, std::uint32_t stream, std::string_view payload) {
  std::string out;
  for (int shift = 16; shift >= 0; shift -= 8) out.push_back(static_cast<char>(payload.size() >> shift));
  out.push_back(static_cast<char>(type));
  out.push_back(static_cast<char>(flags));
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(stream >> shift));
  return out + std::string(payload);
}

enum Type { data = 0, headers = 1, rst_stream = 3, settings = 4, ping = 6, goaway = 7, window_update = 8, continuation = 9 };
constexpr int end_stream = 1, end_headers = 4, ack = 1;

std::string literal(std::string_view name, std::string_view value) {
  REQUIRE(name.size() < 127);
  REQUIRE(value.size() < 127);
  return '\0' + std::string(1, static_cast<char>(name.size())) + std::string(name) +
         static_cast<char>(value.size()) + std::string(value);
}

std::string grpc_head(std::string_view extra = "") {
  return literal(":method", "POST") + literal(":scheme", "http") + literal(":path", "/a/B") + literal(":authority", "h") +
         literal("content-type", "application/grpc") + literal("te", "trailers") + std::string(extra);
}

std::string start() { return std::string(preface) + frame(settings, 0, 0, ""); }

std::string message(std::string_view text, std::uint32_t claimed) {
  std::string out(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(claimed >> shift));
  return out + std::string(text);
}

// The frames a server has sent, as far as they are complete.
struct Frame {
  int type, flags;
  std::uint32_t stream;
  std::string payload;
};
std::vector<Frame> parse(std::string_view bytes) {
  std::vector<Frame> out;
  auto byte = [&](std::size_t i) { return std::size_t{static_cast<unsigned char>(bytes[i])}; };
  while (bytes.size() >= 9) {
    std::size_t size = byte(0) << 16 | byte(1) << 8 | byte(2);
    if (bytes.size() < 9 + size) break;
    out.push_back({static_cast<int>(byte(3)), static_cast<int>(byte(4)),
                   static_cast<std::uint32_t>(byte(5) << 24 | byte(6) << 16 | byte(7) << 8 | byte(8)),
                   std::string(bytes.substr(9, size))});
    bytes.remove_prefix(9 + size);
  }
  return out;
}

std::optional<std::uint32_t> goaway_code(std::string_view bytes) {
  for (auto& f : parse(bytes))
    if (f.type == goaway && f.payload.size() >= 8) {
      std::uint32_t code = 0;
      for (std::size_t i = 4; i < 8; ++i) code = code << 8 | static_cast<unsigned char>(f.payload[i]);
      return code;
    }
  return std::nullopt;
}

bool has(std::string_view bytes, int type, std::uint32_t stream) {
  for (auto& f : parse(bytes))
    if (f.type == type && f.stream == stream) return true;
  return false;
}

constexpr std::uint32_t enhance_your_calm = 0xb;

}  // namespace

TEST_CASE("http2: a head that comes without its body is acknowledged at once") {
  TestServer s;
  RawPeer peer = s.peer();
  auto head = [](std::uint32_t stream) { return frame(headers, end_headers, stream, grpc_head()); };
  auto body = [](std::uint32_t stream) { return frame(data, end_stream, stream, message("hello", 5)); };
  std::size_t heads = 0;
  s.handler.head = [&](const RequestHead&) { return ++heads, std::nullopt; };
  peer.send(start());
  std::uint32_t stream = 1;
  auto exchange = [&] {
    peer.send(head(stream) + body(stream));
    REQUIRE(peer.wait_for("hello"));
    peer.take();
    stream += 2;
  };
  exchange();
  int served = other_end(peer.fd());
  REQUIRE(served >= 0);
  // As over HTTP/1: a slow answer has the kernel acknowledge at once by itself.
  for (int i = 0; i < 1000 && acknowledges_at_once(served); ++i) exchange();
  REQUIRE_FALSE(acknowledges_at_once(served));
  std::size_t before = heads;
  peer.send(head(stream));
  REQUIRE(s.until([&] { return heads > before; }));
  CHECK(acknowledges_at_once(served));
  peer.send(body(stream));
  REQUIRE(peer.wait_for("hello"));
}

TEST_CASE("http2: a call in the smallest pieces") {
  TestServer s;
  RawPeer peer = s.peer();
  std::string bytes = start() + frame(headers, end_headers, 1, grpc_head()) +
                      frame(data, 0, 1, message("", 5).substr(0, 3)) + frame(data, 0, 1, message("hel", 5).substr(3)) +
                      frame(data, end_stream, 1, "lo");
  for (char c : bytes) {
    peer.send(std::string_view(&c, 1));
    s.loop.run_once(Duration::zero());
  }
  REQUIRE(s.until([&] { return s.handler.seen.size() == 1; }));
  CHECK(s.handler.seen[0].body.view() == "hello");
  CHECK(s.until([&] { return has(peer.received(), data, 1); }));
}

TEST_CASE("http2: rapid reset is stopped, a few resets are not") {
  TestServer s;
  s.handler.hold = true;
  auto burst = [&](RawPeer& peer, std::uint32_t from, int count) {
    std::string bytes;
    for (int i = 0; i < count; ++i, from += 2)
      bytes += frame(headers, end_headers | end_stream, from, grpc_head()) + frame(rst_stream, 0, from, std::string("\0\0\0\x8", 4));
    peer.send(bytes);
  };
  RawPeer good = s.peer();
  good.send(start());
  burst(good, 1, 50);
  good.send(frame(ping, 0, 0, "12345678"));
  CHECK(s.until([&] { return has(good.received(), ping, 0); }));
  RawPeer bad = s.peer();
  bad.send(start());
  burst(bad, 1, 2000);
  REQUIRE(bad.wait_closed());
  CHECK(goaway_code(bad.received()) == enhance_your_calm);
  CHECK(s.server->stats().bad_peers == 1);
  good.take();
  good.send(frame(ping, 0, 0, "12345678"));
  CHECK(s.until([&] { return has(good.received(), ping, 0); }));
}

TEST_CASE("http2: floods of frames that bring nothing are stopped") {
  struct { std::string_view what; std::string flood; } const rows[] = {
      {"ping", frame(ping, 0, 0, "12345678")},
      {"settings", frame(settings, 0, 0, "")},
      {"window updates", frame(window_update, 0, 0, std::string("\0\0\0\x1", 4))},
      {"priority", frame(2, 0, 3, std::string("\0\0\0\0\x1", 5))},
      {"empty data", frame(data, 0, 1, "")},
  };
  for (auto& row : rows) {
    CAPTURE(row.what);
    TestServer s;
    RawPeer peer = s.peer();
    std::string bytes = start() + frame(headers, end_headers, 1, grpc_head());
    for (int i = 0; i < 6000; ++i) bytes += row.flood;
    peer.send(bytes);
    CHECK(peer.wait_closed());
    CHECK(s.server->stats().bad_peers == 1);
  }
}

TEST_CASE("http2: endless continuations and header bombs are stopped") {
  TestServer s;
  RawPeer peer = s.peer();
  std::string bytes = start() + frame(headers, 0, 1, grpc_head());
  for (int i = 0; i < 5000; ++i) bytes += frame(continuation, 0, 1, literal("x", std::string(100, 'y')));
  peer.send(bytes);
  CHECK(peer.wait_closed());
  CHECK(s.budget.used() < 100'000);

  // One entry of the table, named again and again by one byte each.
  RawPeer bomb = s.peer();
  std::string block = grpc_head() + '\x40' + literal("bomb", std::string(120, 'z')).substr(1) + std::string(15'000, '\xbe');
  bytes = start();
  for (std::uint32_t id = 1; id < 400; id += 2) bytes += frame(headers, end_headers | end_stream, id, block);
  bomb.send(bytes);
  CHECK(bomb.wait_closed());
  CHECK(s.handler.seen.empty());
}

TEST_CASE("http2: too many headers refuse one request, not the connection") {
  ServerSettings settings = loopback();
  settings.max_header_bytes = 1000;
  TestServer s(settings);
  RawPeer peer = s.peer();
  std::string many;
  for (int i = 0; i < 20; ++i) many += literal(fmt::format("x-{}", i), std::string(50, 'v'));
  peer.send(start() + frame(headers, end_headers, 1, grpc_head(many)));
  REQUIRE(s.until([&] { return has(peer.received(), headers, 1); }));
  CHECK(s.handler.errors.size() == 1);
  peer.send(frame(headers, end_headers, 3, grpc_head()) + frame(data, end_stream, 3, message("ok", 2)));
  CHECK(s.until([&] { return has(peer.received(), data, 3); }));
}

TEST_CASE("http2: messages that are not what they say") {
  struct { std::string_view what; std::string body; } const rows[] = {
      {"nothing", ""},
      {"half a prefix", std::string("\0\0", 2)},
      {"cut off", message("abc", 5)},
      {"two messages", message("abc", 3) + message("d", 1)},
      {"bad flag", '\7' + message("abc", 3).substr(1)},
      {"compressed with nothing", '\1' + message("abc", 3).substr(1)},
      {"too large", message("abc", 0xFFFFFFFF)},
  };
  TestServer s;
  RawPeer peer = s.peer();
  peer.send(start());
  std::uint32_t id = 1;
  for (auto& row : rows) {
    CAPTURE(row.what);
    peer.send(frame(headers, end_headers, id, grpc_head()) + frame(data, end_stream, id, row.body));
    CHECK(s.until([&] { return has(peer.received(), headers, id); }));
    id += 2;
  }
  CHECK(s.handler.seen.empty());
  CHECK(s.handler.errors.size() == std::size(rows));
  CHECK_FALSE(peer.closed());
}

TEST_CASE("http2: garbage after the preface is closed") {
  for (std::string bytes : {std::string(preface) + "GET / HTTP/1.1\r\n\r\n", std::string(preface) + std::string(50, '\xff'),
                            start() + frame(headers, end_headers, 2, grpc_head()), start() + frame(data, 0, 9, "x"),
                            start() + frame(headers, end_headers, 1, std::string(20, '\xff'))}) {
    TestServer s;
    RawPeer peer = s.peer();
    peer.send(bytes);
    CHECK(peer.wait_closed());
  }
}

TEST_CASE("http2: slow heads, slow bodies and silent peers run into their time-outs") {
  ServerSettings limits = loopback();
  limits.read_header_timeout = 20ms;
  limits.read_timeout = 20ms;
  limits.keepalive.time = 40ms;
  limits.keepalive.timeout = 20ms;
  struct { std::string bytes; bool answered; } const rows[] = {
      {std::string(preface.substr(0, 10)), false},
      {std::string(preface), false},
      {start() + frame(headers, 0, 1, grpc_head()), false},
      {start() + frame(headers, end_headers, 1, grpc_head()) + frame(data, 0, 1, message("ab", 5)), true},
      {start(), false},
  };
  for (auto& row : rows) {
    TestServer s(limits);
    RawPeer peer = s.peer();
    peer.send(row.bytes);
    REQUIRE(peer.wait_closed());
    CHECK(has(peer.received(), headers, 1) == row.answered);
  }
}

TEST_CASE("http2: idle and old connections are told to go") {
  for (bool age : {false, true}) {
    ServerSettings limits = loopback();
    (age ? limits.keepalive.max_connection_age : limits.keepalive.max_connection_idle) = 10ms;
    limits.keepalive.max_connection_age_grace = 5s;
    TestServer s(limits);
    RawPeer peer = s.peer();
    peer.send(start());
    REQUIRE(s.until([&] { return goaway_code(peer.received()).has_value(); }));
    CHECK(goaway_code(peer.received()) == 0u);
    // The answer to the ping behind the notice lets it finish at once.
    REQUIRE(s.until([&] { return has(peer.received(), ping, 0); }));
    for (auto& f : parse(peer.received()))
      if (f.type == ping) peer.send(frame(ping, ack, 0, f.payload));
    CHECK(peer.wait_closed());
  }
}

TEST_CASE("http2: clients that ping more than they may are told to calm down") {
  ServerSettings limits = loopback();
  limits.ping_policy = PingPolicy{};
  TestServer s(limits);
  RawPeer peer = s.peer();
  peer.send(start());
  for (int i = 0; i < 6; ++i) peer.send(frame(ping, 0, 0, "12345678"));
  REQUIRE(peer.wait_closed());
  CHECK(goaway_code(peer.received()) == enhance_your_calm);
  CHECK(peer.received().ends_with("too_many_pings"));
}

TEST_CASE("http2: a client that takes no answers is let go") {
  ServerSettings limits = loopback();
  limits.write_timeout = 30ms;
  TestServer s(limits);
  int small = 4096;
  RawPeer peer = s.peer();
  ::setsockopt(peer.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  s.handler.head = [](const RequestHead&) { return Response{.body = Bytes::take(std::string(30'000'000, 'x'))}; };
  // Window for everything, but nobody reads the socket.
  std::string head = literal(":method", "GET") + literal(":scheme", "http") + literal(":path", "/") + literal(":authority", "h");
  peer.send(start() + frame(settings, 0, 0, std::string("\0\x4\x7f\0\0\0", 6)) +
            frame(window_update, 0, 0, std::string("\x7f\0\0\0", 4)) + frame(headers, end_headers | end_stream, 1, head));
  REQUIRE(s.until([&] { return s.server->stats().accepted == 1 && s.server->connections() == 0; }));
  CHECK(s.server->stats().bad_peers == 1);
}

TEST_CASE("http2: streams that only open are bounded by the settings and charged") {
  ServerSettings limits = loopback();
  limits.max_concurrent_streams = 50;
  TestServer s(limits);
  RawPeer peer = s.peer();
  std::string bytes = start();
  for (std::uint32_t id = 1; id < 201; id += 2) bytes += frame(headers, end_headers, id, grpc_head());
  peer.send(bytes + frame(ping, 0, 0, "12345678"));
  REQUIRE(s.until([&] { return has(peer.received(), ping, 0); }));
  CHECK(s.budget.used() > 50'000);
  CHECK(s.budget.used() < 100'000);
  CHECK(has(peer.received(), rst_stream, 199));
}

TEST_CASE("http2: plain requests and answers") {
  TestServer s;
  RawPeer peer = s.peer();
  std::string head = literal(":method", "POST") + literal(":scheme", "http") + literal(":path", "/v1/traces?x") +
                     literal(":authority", "h") + literal("content-length", "4");
  peer.send(start() + frame(headers, end_headers, 1, head) + frame(data, end_stream, 1, "body"));
  REQUIRE(s.until([&] { return has(peer.received(), data, 1); }));
  CHECK_FALSE(s.handler.seen.at(0).is_grpc);
  CHECK(s.handler.seen[0].path() == "/v1/traces");
  for (auto& f : parse(peer.received()))
    if (f.type == data) CHECK(f.payload == "body");
}

TEST_CASE("http2: a request turned away early is answered, and its stream reset") {
  TestServer s;
  s.handler.head = [](const RequestHead&) { return GrpcAnswer{.code = GrpcCode::unimplemented}; };
  RawPeer peer = s.peer();
  peer.send(start() + frame(headers, end_headers, 1, grpc_head()));
  REQUIRE(s.until([&] { return has(peer.received(), rst_stream, 1); }));
  CHECK(has(peer.received(), headers, 1));
  peer.send(frame(data, 0, 1, "on its way") + frame(ping, 0, 0, "12345678"));
  CHECK(s.until([&] { return has(peer.received(), ping, 0); }));
}

TEST_CASE("http2: the handler sees what came of a message whose stream is reset") {
  TestServer s;
  RawPeer peer = s.peer();
  peer.send(start() + frame(headers, end_headers, 1, grpc_head()) + frame(data, 0, 1, message("begun", 100)) + frame(rst_stream, 0, 1, std::string_view("\0\0\0\x8", 4)));
  CHECK(s.until([&] { return s.handler.refused == "begun"; }));
  CHECK(s.handler.seen.empty());
}

TEST_CASE("http2: a body that is made while it is sent") {
  TestServer s;
  int made = 0;
  s.handler.head = [&](const RequestHead&) { return Response{.source = std::make_shared<Letters>(100, 600, made)}; };
  RawPeer peer = s.peer();
  std::string get = literal(":method", "GET") + literal(":scheme", "http") + literal(":path", "/") + literal(":authority", "h");
  peer.send(start() + frame(headers, end_headers | end_stream, 1, get));
  auto ended = [&] {
    for (auto& f : parse(peer.received()))
      if (f.type == data && (f.flags & end_stream)) return true;
    return false;
  };
  REQUIRE(s.until(ended));
  std::string body;
  for (auto& f : parse(peer.received()))
    if (f.type == data) body += f.payload;
  REQUIRE(body.size() == 60'000);
  CHECK(body.substr(599, 2) == "ab");
  CHECK(made == 100);
}

namespace {

// A body whose parts have bytes now and then only, as one that compresses.
struct Slow : BodySource {
  Slow(int parts, int every, int& asked) : parts_(parts), every_(every), asked_(asked) {}
  bool next(std::string& out) override {
    if (++asked_ % every_ == 0) out += "late";
    return asked_ < parts_;
  }
  int parts_, every_;
  int& asked_;
};

std::string get_of(std::uint32_t stream) {
  return frame(headers, end_headers | end_stream, stream, literal(":method", "GET") + literal(":scheme", "http") + literal(":path", "/") + literal(":authority", "h"));
}

int ended_streams(RawPeer& peer) {
  int out = 0;
  for (auto& f : parse(peer.received())) out += f.type == data && (f.flags & end_stream) != 0;
  return out;
}

}  // namespace

TEST_CASE("http2: a body that takes long to have its next bytes does not keep the core from others") {
  TestServer s;
  int asked = 0;
  s.handler.head = [&](const RequestHead&) { return Response{.source = std::make_shared<Slow>(1000, 1000, asked)}; };
  RawPeer peer = s.peer();
  peer.send(start() + get_of(1));
  int most = 0;
  while (asked < 1000) {
    int before = asked;
    s.loop.run_once(1ms);
    most = std::max(most, asked - before);
  }
  CHECK(most <= 16);
  CHECK(s.until([&] { return ended_streams(peer) == 1; }));
}

TEST_CASE("http2: bodies that are made while they are sent take turns") {
  TestServer s;
  int first = 0, second = 0;
  s.handler.head = [&](const RequestHead&) { return Response{.source = first == 0 && second == 0 ? std::make_shared<Slow>(400, 3, first) : std::make_shared<Slow>(400, 3, second)}; };
  RawPeer peer = s.peer();
  peer.send(start() + get_of(1));
  REQUIRE(s.until([&] { return first > 0; }));
  peer.send(get_of(3));
  REQUIRE(s.until([&] { return first == 400 || second == 400; }));
  CHECK(std::min(first, second) > 100);
  REQUIRE(s.until([&] { return ended_streams(peer) == 2; }));
  std::string bodies;
  for (auto& f : parse(peer.received()))
    if (f.type == data) bodies += f.payload;
  CHECK(bodies.size() == 2 * 133 * 4);
}
