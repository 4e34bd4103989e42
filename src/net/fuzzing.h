#pragma once
// What the fuzz targets of this folder share: a server's protocol without sockets.
#include "net/server_protocol.h"

namespace weir::net::fuzzing {

struct IdleCall final : Call {
  void on_message(Message) override {}
  void on_end() override {}
};

// Turns away paths that start with "/no"; calls of "/s..." have many messages. Answers when the target says so.
struct Handler final : net::Handler {
  std::vector<bool> grpc;
  bool streams(const RequestHead& head) override { return head.path().starts_with("/s"); }
  std::unique_ptr<Call> on_call(const RequestHead&, Responder) override {
    grpc.push_back(true);
    return std::make_unique<IdleCall>();
  }
  std::optional<Answer> on_head(const RequestHead& head) override {
    if (head.path().starts_with("/no")) return error_answer(head, {Errc::unimplemented, "no", {}});
    return std::nullopt;
  }
  void on_request(Request request, Responder) override { grpc.push_back(request.is_grpc); }
  std::unique_ptr<PassingBody> on_refused_body(const RequestHead&) override {
    struct Bounded : PassingBody {
      void take(std::string_view part) override { WEIR_CHECK((size += part.size()) <= 64 * 1024); }
      std::size_t size = 0;
    };
    return std::make_unique<Bounded>();
  }
};

struct ServerSide final : ProtocolHost {
  ServerSettings limits;
  Budget room{1 << 20};
  Handler sink;
  ServerStats counts;
  ManualClock time;
  OutQueue queue;
  std::vector<std::int32_t> open;
  std::unique_ptr<ServerProtocol> protocol;

  ServerSide() : ProtocolHost(limits, room, sink, counts, time, queue) {
    limits.max_header_bytes = 4096;
    limits.max_header_count = 30;
    limits.max_concurrent_streams = 20;
    limits.max_recv_msg_size = limits.max_request_body_size = 64 * 1024;
    limits.ping_policy = PingPolicy{};
    limits.cors.allowed_origins = {"http://*"};
    limits.response_headers = {{"x-served-by", "fuzz"}};
    peer = Bytes::copy_of("127.0.0.1:1");
  }
  ~ServerSide() {
    protocol.reset();
    WEIR_CHECK(room.used() == 0, "{}", room.used());
  }
  Responder responder(std::int32_t stream) override {
    open.push_back(stream);
    return {};
  }
  std::string_view date() override { return "now"; }

  void answer_all() {
    for (std::size_t i = 0; i < open.size(); ++i) {
      protocol->next(open[i]);
      if (sink.grpc[i]) protocol->answer(open[i], GrpcAnswer{.payload = Bytes::copy_of("pong")});
      else protocol->answer(open[i], Response{.body = Bytes::take(std::string(300, 'r'))});
    }
    open.clear();
    sink.grpc.clear();
  }

  // The bytes in pieces whose sizes come from the first of them; answers and time in between.
  void run(std::string_view bytes) {
    if (bytes.empty()) return;
    auto plan = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    std::size_t piece = (plan & 7) == 0 ? bytes.size() : std::size_t{1} << (plan & 7);
    bool alive = true;
    while (alive && !bytes.empty()) {
      std::size_t part = std::min(std::max<std::size_t>(piece, 1), bytes.size());
      // A copy of its own, so that reading past the end is seen.
      std::vector<char> copy(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(part));
      alive = protocol->receive({copy.data(), copy.size()});
      bytes.remove_prefix(part);
      if (plan & 8) answer_all();
      if (plan & 16) time.advance(5s);
      alive = protocol->produce() && alive;
      if (time.now() >= protocol->deadline()) alive = protocol->on_time(time.now()) && alive;
      if (alive && (plan & 32)) protocol->drain();
      WEIR_CHECK(queue.size() < 4 * out_high_water);
      queue.clear();
    }
    answer_all();
    protocol->produce();
    protocol->receive_end();
  }
};

}  // namespace weir::net::fuzzing
