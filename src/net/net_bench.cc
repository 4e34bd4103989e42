// One process, one core: a client's send and a server's receive together, as one hop of a pipeline has them.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include "base/rng.h"
#include "net/client.h"
#include "net/server.h"
#include "net/socket.h"

using namespace weir;
using namespace weir::net;

namespace {

struct Sink : Handler {
  std::uint64_t bytes = 0;
  void on_request(Request request, Responder responder) override {
    bytes += request.body.size();
    if (request.is_grpc) responder.respond(GrpcAnswer{});
    else responder.respond(Response{});
  }
};

// As compressible as telemetry is, about.
Bytes body_of(std::size_t size) {
  Rng rng(1);
  std::string out;
  while (out.size() < size) {
    if (rng.chance(0.7)) out += "service.name\x12\x0a\x08" "checkout";
    else out.push_back(static_cast<char>(rng.next()));
  }
  out.resize(size);
  return Bytes::take(std::move(out));
}

struct Bench {
  io::Loop loop;
  Budget budget;
  Sink sink;
  std::unique_ptr<Server> server;
  Bench() {
    ServerSettings settings;
    settings.endpoint = "127.0.0.1:0";
    server = std::move(*Server::listen(loop, settings, budget, sink));
  }
};

// Keeps `window` requests open until `total` are answered.
template <class Send>
void pump(Bench& bench, int total, int window, Send send) {
  int sent = 0, done = 0;
  std::function<void()> next = [&] {
    if (sent == total) return;
    ++sent;
    send([&] {
      ++done;
      next();
    });
  };
  for (int i = 0; i < window; ++i) next();
  bench.loop.run_until([&] { return done == total; });
}

void grpc(benchmark::State& state) {
  Bench bench;
  GrpcClientSettings settings;
  settings.endpoint = bench.server->endpoint();
  settings.tls.insecure = true;
  settings.compression = static_cast<Compression>(state.range(1));
  auto client = std::move(*GrpcClient::make(bench.loop, settings));
  Bytes body = body_of(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state)
    pump(bench, 100, 8, [&](auto done) {
      client->call({.path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export", .body = {body}, .timeout = 5s},
                   [done](GrpcResult result) mutable {
                     WEIR_CHECK(result.ok(), "{}", result.message);
                     done();
                   });
    });
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * 100);
}
BENCHMARK(grpc)->ArgsProduct({{183'000, 3'660, 1'500'000}, {0}})->Args({183'000, 1})->Unit(benchmark::kMillisecond);

void http(benchmark::State& state) {
  Bench bench;
  auto client = std::move(*HttpClient::make(bench.loop, {}));
  std::string url = fmt::format("http://{}/v1/traces", bench.server->endpoint());
  Bytes body = body_of(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state)
    pump(bench, 100, 2, [&](auto done) {
      client->send({.url = url, .headers = {{"content-type", "application/x-protobuf"}}, .body = {body}},
                   [done](Result<HttpResponse> result) mutable {
                     WEIR_CHECK(result && result->status == 200);
                     done();
                   });
    });
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()) * 100);
}
BENCHMARK(http)->Arg(183'000)->Arg(3'660)->Unit(benchmark::kMillisecond);

std::size_t resident_bytes() {
  long pages = 0, all = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr || std::fscanf(file, "%ld %ld", &all, &pages) != 2) pages = 0;
  if (file != nullptr) std::fclose(file);
  return static_cast<std::size_t>(pages) * 4096;
}

// Memory of connections that say something and then nothing: 0 nothing at all, 1 half a head, 2 HTTP/2 without a call.
void idle_connections(benchmark::State& state) {
  constexpr int count = 4000;
  constexpr std::array<std::string_view, 3> words{
      "", "POST /v1/traces HTTP/1.1\r\nHost: a\r\n", {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0", 33}};
  io::raise_fd_limit();
  for (auto _ : state) {
    Bench bench;
    std::size_t before = resident_bytes();
    std::vector<Fd> peers;
    auto address = numeric_address("127.0.0.1", bench.server->port()).at(0);
    for (int i = 0; i < count; ++i) {
      peers.push_back(std::move(*start_connect(address)));
      bench.loop.run_once(Duration::zero());
      std::string_view word = words[static_cast<std::size_t>(state.range(0))];
      (void)!::send(peers.back().get(), word.data(), word.size(), MSG_NOSIGNAL);
    }
    for (int i = 0; i < 100; ++i) bench.loop.run_once(1ms);
    WEIR_CHECK(bench.server->connections() == count);
    state.counters["bytes_each"] = static_cast<double>(resident_bytes() - before) / count;
    state.counters["charged_each"] = static_cast<double>(bench.budget.used()) / count;
  }
}
BENCHMARK(idle_connections)->DenseRange(0, 2)->Iterations(1);

void inflate(benchmark::State& state) {
  std::array pieces{body_of(183'000)};
  auto kind = static_cast<Compression>(state.range(0));
  std::string packed = *compress(kind, pieces);
  Charge charge;
  for (auto _ : state) benchmark::DoNotOptimize(decompress(kind, packed, 20'000'000, charge));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * 183'000);
}
BENCHMARK(inflate)->DenseRange(1, 6)->Unit(benchmark::kMicrosecond);

void deflate(benchmark::State& state) {
  std::array pieces{body_of(static_cast<std::size_t>(state.range(1)))};
  auto kind = static_cast<Compression>(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(compress(kind, pieces));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) * state.range(1));
}
BENCHMARK(deflate)->ArgsProduct({{1, 2, 3, 4, 5, 6}, {183'000, 3'660}})->Unit(benchmark::kMicrosecond);

}  // namespace
