// Streaming calls: frames made by hand against the HTTP/2 server.
#include "net/testing.h"

using namespace weir;
using namespace weir::net;
using namespace weir::net::testing;

namespace {

std::string big_endian(std::size_t value, int bytes) {
  std::string out;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
  return out;
}

enum Type { data = 0, headers = 1, settings = 4, ping = 6, window_update = 8 };
constexpr int end_stream = 1, end_headers = 4, ack = 1;

std::string frame(int type, int flags, std::uint32_t stream, std::string_view payload) {
  return big_endian(payload.size(), 3) + static_cast<char>(type) + static_cast<char>(flags) + big_endian(stream, 4) + std::string(payload);
}

std::string literal(std::string_view name, std::string_view value) {
  return '\0' + big_endian(name.size(), 1) + std::string(name) + big_endian(value.size(), 1) + std::string(value);
}

// The head of a call on stream 1.
std::string call_head() {
  return frame(headers, end_headers, 1,
               literal(":method", "POST") + literal(":scheme", "http") + literal(":path", "/a/Stream") + literal(":authority", "h") +
                   literal("content-type", "application/grpc"));
}

// Opens a connection as far as the server's settings hold.
void greet(RawPeer& peer) {
  peer.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(settings, 0, 0, ""));
  REQUIRE(peer.wait_for(std::string_view("\x04", 1)));  // SETTINGS
  peer.send(frame(settings, ack, 0, ""));
}

// The answer's last headers have come; their text is compressed.
bool answered(std::string_view bytes) {
  auto byte = [&](std::size_t i) { return std::size_t{static_cast<unsigned char>(bytes[i])}; };
  while (bytes.size() >= 9) {
    std::size_t size = byte(0) << 16 | byte(1) << 8 | byte(2);
    if (byte(3) == headers && (byte(4) & end_stream) && byte(8) == 1) return true;
    if (bytes.size() < 9 + size) break;
    bytes.remove_prefix(9 + size);
  }
  return false;
}

std::string message(std::string_view text) { return '\0' + big_endian(text.size(), 4) + std::string(text); }

// Keeps what calls say. Answers with the number of messages in a trailer.
struct Calls : EchoHandler {
  struct OpenCall : Call {
    OpenCall(Calls& o, Responder r) : owner(o), responder(std::move(r)) { owner.call = this; }
    ~OpenCall() override { owner.call = nullptr; }
    void on_message(Message message) override {
      owner.messages.emplace_back(message.body.view());
      if (!owner.hold) responder.next();
    }
    void on_end() override {
      GrpcAnswer answer{.without_message = true};
      answer.trailers.add("messages", std::to_string(owner.messages.size()));
      responder.respond(std::move(answer));
    }
    Calls& owner;
    Responder responder;
  };
  bool streams(const RequestHead& head) override { return head.path() == "/a/Stream"; }
  std::unique_ptr<Call> on_call(const RequestHead&, Responder responder) override {
    return std::make_unique<OpenCall>(*this, std::move(responder));
  }
  OpenCall* call = nullptr;
  std::vector<std::string> messages;
};

struct StreamServer {
  io::Loop loop;
  Budget budget;
  Calls handler;
  std::unique_ptr<Server> server;
  explicit StreamServer(std::size_t budget_bytes = SIZE_MAX / 2) : budget(budget_bytes) {
    auto made = Server::listen(loop, loopback(), budget, handler);
    REQUIRE(made);
    server = std::move(*made);
  }
  ~StreamServer() {
    server.reset();
    CHECK(budget.used() == 0);
  }
  RawPeer peer() { return {loop, server->port()}; }
  template <class Done>
  bool until(Done done) {
    for (int i = 0; i < 20'000 && !done(); ++i) loop.run_once(1ms);
    return done();
  }
  // Lets the server read what is there, without anything to wait for.
  void read_all() {
    for (int i = 0; i < 50; ++i) loop.run_once(1ms);
  }
};

bool grants(std::string_view bytes, std::uint32_t stream) {
  return bytes.find(big_endian(4, 3) + std::string(1, static_cast<char>(window_update)) + '\0' + big_endian(stream, 4)) != bytes.npos;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("streaming call: messages in pieces and together, then the end") {
  StreamServer s;
  RawPeer peer = s.peer();
  greet(peer);
  std::string bytes = call_head() + frame(data, 0, 1, message("one") + message("") + message("three").substr(0, 7)) +
                      frame(data, 0, 1, message("three").substr(7)) + frame(data, end_stream, 1, message("four"));
  for (char c : bytes) peer.send(std::string_view(&c, 1));
  REQUIRE(s.until([&] { return answered(peer.received()); }));
  CHECK(s.handler.messages == Texts{"one", "", "three", "four"});
  CHECK(s.until([&] { return s.handler.call == nullptr; }));
}

TEST_CASE("streaming call: the next message comes when the last one is settled, and so does room for more") {
  StreamServer s;
  s.handler.hold = true;
  RawPeer peer = s.peer();
  greet(peer);
  peer.send(call_head() + frame(data, 0, 1, message("one")));
  REQUIRE(s.until([&] { return s.handler.messages.size() == 1; }));
  std::string half(16'000, 'x');
  for (int i = 0; i < 200; ++i) peer.send(frame(data, 0, 1, message(half)));
  s.read_all();
  CHECK(s.handler.messages.size() == 1);
  CHECK_FALSE(grants(peer.take(), 1));
  CHECK(s.budget.used() > 200 * half.size());
  s.handler.hold = false;
  s.handler.call->responder.next();
  REQUIRE(s.until([&] { return s.handler.messages.size() == 201; }));
  REQUIRE(s.until([&] { return grants(peer.received(), 1); }));
  peer.send(frame(data, end_stream, 1, ""));
  REQUIRE(s.until([&] { return answered(peer.received()); }));
}

TEST_CASE("streaming call: 600,000 empty messages at once need no stack") {
  StreamServer s;
  RawPeer peer = s.peer();
  greet(peer);
  peer.send(call_head());
  std::string some;
  for (int i = 0; i < 3000; ++i) some += message("");
  s.handler.hold = true;
  peer.send(frame(data, 0, 1, message("first")));
  REQUIRE(s.until([&] { return s.handler.messages.size() == 1; }));
  for (int i = 0; i < 200; ++i) peer.send(frame(data, 0, 1, some));
  s.handler.hold = false;
  s.handler.call->responder.next();
  peer.send(frame(data, end_stream, 1, ""));
  REQUIRE(s.until([&] { return answered(peer.received()); }));
  CHECK(s.handler.messages.size() == 600'001);
}

TEST_CASE("streaming call: what ends it with an error") {
  struct {
    std::string_view what;
    std::string bytes;
    std::string_view error;
  } const rows[] = {
      {"ends within a prefix", frame(data, end_stream, 1, message("abc").substr(0, 3)), "within a message"},
      {"ends within a message", frame(data, end_stream, 1, message("abc").substr(0, 7)), "within a message"},
      {"bad flag", frame(data, 0, 1, "\x02" + message("abc").substr(1)), "bad flag"},
      {"compressed without saying how", frame(data, 0, 1, "\x01" + message("abc").substr(1)), "compressed message without grpc-encoding"},
      {"too large", frame(data, 0, 1, '\0' + big_endian(5'000'000, 4)), "the limit is 4194304"},
  };
  for (auto& row : rows) {
    CAPTURE(row.what);
    StreamServer s;
    RawPeer peer = s.peer();
    greet(peer);
  peer.send(call_head() + row.bytes);
    REQUIRE(s.until([&] { return answered(peer.received()); }));
    REQUIRE(s.handler.errors.size() == 1);
    CHECK_MESSAGE(s.handler.errors[0].what.find(row.error) != std::string::npos, s.handler.errors[0].what);
  }
}

TEST_CASE("streaming call: without room the caller is told to come back") {
  StreamServer s(40'000);
  s.handler.hold = true;
  RawPeer peer = s.peer();
  greet(peer);
  peer.send(call_head());
  std::string part(10'000, 'x');
  for (int i = 0; i < 8; ++i) peer.send(frame(data, 0, 1, message(part)));
  REQUIRE(s.until([&] { return answered(peer.received()); }));
  REQUIRE(s.handler.errors.size() == 1);
  CHECK(s.handler.errors[0].code == Errc::refused);
}

TEST_CASE("streaming call: a server that drains ends it when the message at work is settled") {
  StreamServer s;
  s.handler.hold = true;
  RawPeer peer = s.peer();
  greet(peer);
  peer.send(call_head() + frame(data, 0, 1, message("one") + message("two")));
  REQUIRE(s.until([&] { return s.handler.messages.size() == 1; }));
  bool drained = false;
  s.server->drain([&] { drained = true; });
  // The answer to the server's ping says that the client knows.
  peer.send(frame(ping, ack, 0, std::string("wdrain\0\0", 8)));
  s.read_all();
  CHECK_FALSE(drained);
  REQUIRE(s.handler.call != nullptr);
  s.handler.call->responder.next();
  REQUIRE(s.until([&] { return answered(peer.received()); }));
  CHECK(s.handler.messages == Texts{"one"});
  CHECK(s.until([&] { return drained; }));
}
