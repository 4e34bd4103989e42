#include "net/client.h"

#include "base/text.h"
#include "net/testing.h"

using namespace weir;
using namespace weir::net;
using namespace weir::net::testing;

namespace {

struct Sink final : BodySink {
  int status = 0;
  std::string body;
  std::optional<Result<>> end;
  bool wants = true;
  std::function<void()> on_each;

  void on_head(int s, const HeaderList&) override {
    CHECK(status == 0);
    status = s;
  }
  bool on_piece(std::string_view piece) override {
    CHECK(status != 0);
    CHECK_FALSE(end);
    body += piece;
    if (on_each) on_each();
    return wants;
  }
  void on_end(Result<> result) override {
    CHECK_FALSE(end);
    end = std::move(result);
  }
};

// A server that says exactly what it is told to.
struct RawServer {
  io::Loop loop;
  Fd listener, peer;
  std::unique_ptr<HttpClient> client;

  RawServer() {
    listener = std::move(*listen_on({.host = "127.0.0.1"}, {}));
    client = std::move(*HttpClient::make(loop, {}));
  }
  std::string url() const { return "http://" + to_string(local_address(listener.get())) + "/"; }
  bool until(const std::function<bool()>& done) {
    return loop.run_until([&] {
      if (!peer) peer = Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK));
      if (!done()) loop.run_once(1ms);
      return done();
    });
  }
  // Waits for the request.
  void accept() {
    char request[1000];
    REQUIRE(until([&] { return peer && ::recv(peer.get(), request, sizeof request, 0) > 0; }));
  }
  void say(std::string_view text) {
    REQUIRE(::send(peer.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  }
};

constexpr std::string_view chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

}  // namespace

TEST_CASE("http stream: each piece is handed on when it comes, and the connection is used again") {
  RawServer server;
  for (int round = 0; round < 2; ++round) {
    Sink sink;
    server.client->stream({.method = "GET", .url = server.url()}, sink);
    server.accept();
    server.say(chunked);
    CHECK(server.until([&] { return sink.status == 200; }));
    for (std::string_view piece : {"one", "two"}) {
      server.say(fmt::format("{}\r\n{}\r\n", piece.size(), piece));
      CHECK(server.until([&] { return sink.body.ends_with(piece); }));
    }
    CHECK_FALSE(sink.end);
    server.say("0\r\n\r\n");
    REQUIRE(server.until([&] { return sink.end.has_value(); }));
    CHECK(sink.end->has_value());
    CHECK(sink.body == "onetwo");
    CHECK(server.client->in_flight() == 0);
  }
}

TEST_CASE("http stream: a reader that has enough keeps the server waiting") {
  RawServer server;
  Sink sink;
  sink.wants = false;
  StreamId id = server.client->stream({.method = "GET", .url = server.url()}, sink);
  server.accept();
  server.say("HTTP/1.1 200 OK\r\n\r\n");
  std::string block(1024 * 1024, 'b');
  std::size_t sent = 0;
  auto pour = [&] {
    for (ssize_t n; (n = ::send(server.peer.get(), block.data(), block.size(), MSG_NOSIGNAL)) > 0;) sent += static_cast<std::size_t>(n);
  };
  for (int i = 0; i < 50; ++i) {
    pour();
    server.loop.run_once(1ms);
  }
  std::size_t held = sink.body.size();
  CHECK(held > 0);
  CHECK(held <= BodySink::most_after_pause);
  CHECK(sent > held);
  sink.wants = true;
  server.client->resume(id);
  CHECK(server.until([&] { return sink.body.size() == sent; }));
  pour();
  server.peer.reset();
  REQUIRE(server.until([&] { return sink.end.has_value(); }));
  CHECK(sink.body == std::string(sent, 'b'));
}

TEST_CASE("http stream: what is stopped is told nothing more, and its connection ends") {
  RawServer server;
  Sink sink;
  StreamId id = 0;
  sink.on_each = [&] { server.client->stop(id); };
  id = server.client->stream({.method = "GET", .url = server.url()}, sink);
  server.accept();
  server.say(std::string(chunked) + "1\r\na\r\n1\r\nb\r\n");
  CHECK(server.until([&] { return !sink.body.empty(); }));
  CHECK(server.client->in_flight() == 0);
  char byte;
  CHECK(server.until([&] { return ::recv(server.peer.get(), &byte, 1, 0) == 0; }));
  CHECK(sink.body == "ab");
  CHECK_FALSE(sink.end);
  server.client->stop(id);
  server.client->resume(id);
}

TEST_CASE("http stream: an answer that is cut off, never comes or cannot come ends with the reason") {
  struct { std::string_view url, answer; Duration timeout; int status; std::string_view body, reason; } const rows[] = {
      {"", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", 0s, 200, "ab", "closed"},
      {"", "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", 0s, 410, "", ""},
      {"", "", 20ms, 0, "", "timed out"},
      {"ftp://x/", "", 0s, 0, "", "url"},
      {"http://127.0.0.1:1/", "", 0s, 0, "", "refused"},
  };
  for (auto& row : rows) {
    CAPTURE(row.answer);
    CAPTURE(row.url);
    RawServer server;
    Sink sink;
    server.client->stream({.method = "GET", .url = row.url.empty() ? server.url() : std::string(row.url), .timeout = row.timeout}, sink);
    CHECK_FALSE(sink.end);
    if (row.url.empty()) server.accept();
    if (!row.answer.empty()) {
      server.say(row.answer);
      ::shutdown(server.peer.get(), SHUT_WR);
    }
    REQUIRE(server.until([&] { return sink.end.has_value(); }));
    CHECK(sink.status == row.status);
    CHECK(sink.body == row.body);
    CHECK(sink.end->has_value() == row.reason.empty());
    if (!sink.end->has_value()) CHECK(to_lower(sink.end->error().what).find(row.reason) != std::string::npos);
  }
}

TEST_CASE("http stream: closing the client ends it") {
  RawServer server;
  Sink sink;
  server.client->stream({.method = "GET", .url = server.url()}, sink);
  server.accept();
  server.client.reset();
  REQUIRE(sink.end);
  CHECK(sink.end->error().code == Errc::retryable);
}
