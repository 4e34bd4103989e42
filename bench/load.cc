// Sends pre-encoded OTLP requests as fast as the receiver answers, or at a rate. Its own cost is small: bodies are made
// once; with --fresh-ids only the trace ids are written anew.
#include <CLI/CLI.hpp>

#include "bench/bodies.h"
#include "net/client.h"

using namespace weir;

namespace {

struct Options {
  std::string endpoint, protocol = "grpc", signal = "traces", compression = "none";
  int items = 500, spans_per_trace = 5, in_flight = 32, connections = 4, bodies = 16;
  std::int64_t total = 1'000'000, warm = 0;
  double rate = 0;  // items a second; 0: as fast as answers come
  double seconds = 120;
  bool fresh_ids = false;
};

constexpr std::array<std::string_view, 3> methods = {"trace.v1.TraceService", "metrics.v1.MetricsService", "logs.v1.LogsService"};

// Keeps `in_flight` requests open until all items are sent.
class Load {
 public:
  Load(io::Loop& loop, const Options& options) : loop_(loop), options_(options), rng_(1) {
    for (otlp::Signal s : otlp::all_signals)
      if (options.signal == to_string(s)) shape_.signal = s;
    shape_.items = options.items;
    shape_.spans_per_trace = options.spans_per_trace;
    for (int i = 0; i < options.bodies; ++i) {
      bodies_.push_back(bench::make_request(shape_, rng_));
      if (options.fresh_ids) ids_.push_back(bench::find_trace_ids(bodies_.back().view()));
    }
    warm_requests_ = options.warm / options.items;
    requests_ = warm_requests_ + options.total / options.items;
  }

  Result<> connect() {
    auto compression = net::compression_of(options_.compression == "none" ? "" : options_.compression);
    if (!compression) return fail(std::move(compression).error());
    for (int i = 0; i < options_.connections; ++i) {
      if (options_.protocol == "grpc") {
        net::GrpcClientSettings settings{.endpoint = options_.endpoint, .compression = *compression};
        settings.tls.insecure = true;
        WEIR_ASSIGN(auto client, net::GrpcClient::make(loop_, settings));
        grpc_.push_back(std::move(client));
      } else {
        net::HttpClientSettings settings;
        settings.compression = *compression;
        settings.max_idle_conns_per_host = 1000;
        WEIR_ASSIGN(auto client, net::HttpClient::make(loop_, settings));
        http_.push_back(std::move(client));
      }
    }
    return {};
  }

  int run() {
    begun_ = counts_from_ = loop_.now();
    if (options_.rate > 0)
      pace();
    else
      for (int i = 0; i < options_.in_flight; ++i) send();
    auto limit = Duration{static_cast<std::int64_t>(options_.seconds * 1e9)};
    bool complete = loop_.run_until([this] { return answered_ >= requests_; }, limit);
    double took = static_cast<double>((loop_.now() - counts_from_).count()) / 1e9;
    auto items = std::max<std::int64_t>(0, good_ - warm_requests_) * options_.items;
    fmt::print(R"({{"requests":{},"good":{},"items":{},"seconds":{:.3f},"items_per_second":{:.0f},"body_bytes":{},"complete":{},"first_error":"{}"}})"
               "\n", answered_, good_, items, took, static_cast<double>(items) / took, bodies_[0].size(), complete, first_error_);
    return complete ? 0 : 1;
  }

 private:
  // Sends what is due by now, and looks again in a millisecond.
  void pace() {
    double elapsed = static_cast<double>((loop_.now() - begun_).count()) / 1e9;
    auto due = static_cast<std::int64_t>(elapsed * options_.rate / options_.items);
    while (sent_ < std::min(due, requests_)) send();
    if (sent_ < requests_) loop_.after(1ms, [this] { pace(); });
  }

  Bytes next_body() {
    auto i = static_cast<std::size_t>(sent_) % bodies_.size();
    if (!options_.fresh_ids) return bodies_[i];
    return bench::with_fresh_ids(bodies_[i].view(), ids_[i], rng_.next());
  }

  void send() {
    if (sent_ >= requests_) return;
    if (sent_ == warm_requests_ && sent_ > 0) {
      counts_from_ = loop_.now();
      fmt::print("{{\"warm\":{}}}\n", sent_);
      std::fflush(stdout);
    }
    auto client = static_cast<std::size_t>(sent_ % options_.connections);
    Bytes body = next_body();
    ++sent_;
    auto signal = static_cast<std::size_t>(shape_.signal);
    if (!grpc_.empty()) {
      grpc_[client]->call({.path = fmt::format("/opentelemetry.proto.collector.{}/Export", methods[signal]), .body = {body}, .timeout = 60s},
                          [this](net::GrpcResult r) { answered(r.ok(), r.message); });
      return;
    }
    net::HttpRequest request{.url = fmt::format("http://{}/v1/{}", options_.endpoint, options_.signal), .body = {body}, .timeout = 60s};
    request.headers.add("content-type", "application/x-protobuf");
    http_[client]->send(std::move(request), [this](Result<net::HttpResponse> r) {
      bool ok = r && r->status == 200;
      answered(ok, ok ? "" : r ? fmt::format("status {}", r->status) : r.error().what);
    });
  }

  void answered(bool ok, const std::string& error) {
    ++answered_;
    good_ += ok;
    if (!ok && first_error_.empty()) first_error_ = error.substr(0, 100);
    if (options_.rate == 0) send();
  }

  io::Loop& loop_;
  Options options_;
  Rng rng_;
  bench::Shape shape_;
  std::vector<Bytes> bodies_;
  std::vector<bench::TraceIds> ids_;
  std::vector<std::unique_ptr<net::GrpcClient>> grpc_;
  std::vector<std::unique_ptr<net::HttpClient>> http_;
  TimePoint begun_{}, counts_from_{};
  std::int64_t warm_requests_ = 0, requests_ = 0, sent_ = 0, answered_ = 0, good_ = 0;
  std::string first_error_;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"Sends OTLP requests and prints a line of JSON in the end."};
  app.add_option("endpoint", options.endpoint, "host:port")->required();
  app.add_option("--protocol", options.protocol, "grpc or http")->check(CLI::IsMember({"grpc", "http"}));
  app.add_option("--signal", options.signal, "traces, metrics or logs")->check(CLI::IsMember({"traces", "metrics", "logs"}));
  app.add_option("--compression", options.compression, "none, gzip, zstd or snappy");
  app.add_option("--items", options.items, "Spans, points or records in a request")->check(CLI::PositiveNumber);
  app.add_option("--spans-per-trace", options.spans_per_trace, "")->check(CLI::PositiveNumber);
  app.add_option("--total", options.total, "Items that count")->check(CLI::PositiveNumber);
  app.add_option("--warm", options.warm, "Items before them; a line of JSON says when they are sent")->check(CLI::NonNegativeNumber);
  app.add_option("--in-flight", options.in_flight, "Open requests")->check(CLI::PositiveNumber);
  app.add_option("--connections", options.connections, "")->check(CLI::PositiveNumber);
  app.add_option("--rate", options.rate, "Items a second; 0 is as fast as answers come");
  app.add_option("--seconds", options.seconds, "Give up after this long");
  app.add_flag("--fresh-ids", options.fresh_ids, "New trace ids in every request");
  CLI11_PARSE(app, argc, argv);
  io::Loop loop;
  Load load(loop, options);
  if (auto connected = load.connect(); !connected) {
    fmt::print(stderr, "{}\n", connected.error().what);
    return 1;
  }
  return load.run();
}
