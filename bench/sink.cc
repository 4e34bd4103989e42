// Takes OTLP over gRPC and HTTP, counts items and bytes, keeps nothing. GET /count on the HTTP port tells.
#include <CLI/CLI.hpp>

#include "net/server.h"
#include "otlp/codec.h"

using namespace weir;

namespace {

// Items of a request by its boundaries alone, for all three signals.
std::size_t count_items(std::string_view path, std::string_view body) {
  bool metrics = path.find("etrics") != path.npos;
  std::size_t items = 0;
  otlp::Reader groups(body);
  while (groups.next()) {
    if (groups.field() != 1) {
      groups.skip();
      continue;
    }
    otlp::Reader group(groups.bytes());
    while (group.next()) {
      if (group.field() != 2) {
        group.skip();
        continue;
      }
      otlp::Reader scope(group.bytes());
      while (scope.next()) {
        if (scope.field() == 2 && metrics)
          items += otlp::count_points(scope.bytes());
        else
          items += scope.field() == 2, scope.skip();
      }
    }
  }
  return items;
}

class Sink : public net::Handler {
 public:
  Sink(io::Loop& loop, Duration delay, int refuse_percent) : loop_(loop), delay_(delay), refuse_percent_(refuse_percent) {}

  void on_request(net::Request request, net::Responder responder) override {
    if (request.method() == "GET") {
      responder.respond(net::Response{.body = Bytes::take(fmt::format(R"({{"requests":{},"items":{},"bytes":{}}})", requests_, items_, bytes_))});
      return;
    }
    ++requests_;
    bool refuse = refuse_percent_ > 0 && static_cast<int>(requests_ % 100) < refuse_percent_;
    if (!refuse) {
      items_ += count_items(request.path(), request.body.view());
      bytes_ += request.wire_size;
    }
    if (delay_ == 0s) return answer(request.is_grpc, refuse, std::move(responder));
    loop_.after(delay_, [grpc = request.is_grpc, refuse, responder = std::move(responder)]() mutable { answer(grpc, refuse, std::move(responder)); });
  }

 private:
  static void answer(bool grpc, bool refuse, net::Responder responder) {
    if (grpc)
      responder.respond(net::GrpcAnswer{.code = refuse ? net::GrpcCode::unavailable : net::GrpcCode::ok});
    else
      responder.respond(net::Response{.status = refuse ? 503 : 200, .headers = {{"content-type", "application/x-protobuf"}}});
  }

  io::Loop& loop_;
  Duration delay_;
  int refuse_percent_;
  std::uint64_t requests_ = 0, items_ = 0, bytes_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> endpoints;
  double delay_ms = 0;
  int refuse = 0;
  CLI::App app{"Counts OTLP items. GET /count on any of its ports."};
  app.add_option("endpoints", endpoints, "host:port ...")->required();
  app.add_option("--delay-ms", delay_ms, "Answer this much later");
  app.add_option("--refuse-percent", refuse, "Share of requests that are refused with a retryable code");
  CLI11_PARSE(app, argc, argv);
  io::Loop loop;
  Budget budget;
  Sink sink(loop, Duration{static_cast<std::int64_t>(delay_ms * 1e6)}, refuse);
  std::vector<std::unique_ptr<net::Server>> servers;
  for (auto& endpoint : endpoints) {
    net::ServerSettings settings;
    settings.endpoint = endpoint;
    settings.max_recv_msg_size = settings.max_request_body_size = 256 * 1024 * 1024;
    settings.max_concurrent_streams = 10'000;
    auto server = net::Server::listen(loop, settings, budget, sink);
    if (!server) {
      fmt::print(stderr, "{}: {}\n", endpoint, server.error().what);
      return 1;
    }
    servers.push_back(std::move(*server));
  }
  loop.run();
}
