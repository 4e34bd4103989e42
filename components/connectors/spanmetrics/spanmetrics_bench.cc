// Nanoseconds a span, in a pipeline of one core: source, span metrics, sink.
#include <benchmark/benchmark.h>

#include "components/connectors/spanmetrics/testing.h"

using namespace weir;
using namespace weir::connectors::spanmetrics;
using namespace weir::connectors::spanmetrics::testing;

namespace {

// 500 spans of five services, seven attributes each, as the load generator makes them.
Bytes request() {
  Rng rng(1);
  constexpr std::array routes{"/api/v1/products/{id}", "/api/v1/checkout", "/api/v1/cart", "/api/v1/shipping/quote"};
  std::vector<SpanSpec> spans;
  for (int i = 0; i < 500; ++i) {
    const char* route = routes[rng.below(routes.size())];
    spans.push_back({.trace = static_cast<std::uint8_t>(i), .span = static_cast<std::uint8_t>(i), .parent = 1, .name = fmt::format("GET {}", route),
                     .service = fmt::format("service{}", i % 5), .kind = static_cast<std::int32_t>(2 + rng.below(2)), .status = rng.chance(0.02) ? 2 : 0,
                     .duration = Duration(rng.below(200'000'000)),
                     .attributes = {{"http.request.method", "GET"}, {"http.route", route}, {"http.response.status_code", "200"},
                                    {"server.address", "shop.example.com"}, {"user_agent.original", "Mozilla/5.0 (X11; Linux)"},
                                    {"network.protocol.version", "1.1"}, {"thread.id", "17"}}});
  }
  std::string bytes;
  for (auto& piece : engine::testing::make_traces(spans).encode()) bytes += piece.view();
  return Bytes::take(std::move(bytes));
}

void run(benchmark::State& state, Config config) {
  Bytes body = request();
  config.metrics_flush_interval = 24h;
  Fixture f(std::move(config));
  for (auto _ : state) {
    auto batch = otlp::Batch::parse(otlp::Signal::traces, body);
    f.world.push(std::move(*batch));
  }
  state.counters["ns_per_span"] = benchmark::Counter(static_cast<double>(state.iterations()) * 500 / 1e9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void parse_and_index(benchmark::State& state) {
  Bytes body = request();
  for (auto _ : state) {
    auto batch = otlp::Batch::parse(otlp::Signal::traces, body);
    benchmark::DoNotOptimize(batch->groups());
  }
  state.counters["ns_per_span"] = benchmark::Counter(static_cast<double>(state.iterations()) * 500 / 1e9, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

Config with_two_dimensions() { return {.dimensions = {{.name = "http.route"}, {.name = "http.response.status_code"}}}; }

void exponential(benchmark::State& state) {
  Config config = with_two_dimensions();
  config.histogram.exponential = ExponentialHistogram{};
  run(state, config);
}

void exemplars(benchmark::State& state) {
  Config config = with_two_dimensions();
  config.exemplars.enabled = true;
  run(state, config);
}

BENCHMARK(parse_and_index);
BENCHMARK_CAPTURE(run, no_dimensions, Config{});
BENCHMARK_CAPTURE(run, two_dimensions, with_two_dimensions());
BENCHMARK(exponential);
BENCHMARK(exemplars);

}  // namespace
