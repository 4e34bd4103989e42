#include "components/connectors/servicegraph/servicegraph.h"

#include <doctest/doctest.h>

#include <set>

#include "base/rng.h"
#include "engine/decode.h"
#include "engine/testing.h"

namespace weir::connectors::servicegraph {
engine::Factory factory();
}

using namespace weir;
using namespace weir::engine::testing;
using connectors::servicegraph::Config;
using engine::Signal;
using otlp::Span;

namespace {

const engine::Factory factory = connectors::servicegraph::factory();

// What the newest point of a series says.
struct Seen {
  std::int64_t requests = 0, failed = 0;
  std::uint64_t server_count = 0, client_count = 0;
  double server_sum = 0, client_sum = 0;
  std::vector<std::uint64_t> server_buckets;
  UnixNanos start = 0, time = 0;

  bool operator==(const Seen& o) const {
    auto near = [](double a, double b) { return std::abs(a - b) < 1e-9; };
    return requests == o.requests && failed == o.failed && server_count == o.server_count && client_count == o.client_count &&
           near(server_sum, o.server_sum) && near(client_sum, o.client_sum) && server_buckets == o.server_buckets;
  }
};
// By "client server connection_type failed more=..."
using Graph = std::map<std::string, Seen>;

std::string labels_of(const otlp::Attributes& attributes) {
  std::string out;
  for (auto& kv : attributes) {
    bool main = kv.key == "client" || kv.key == "server" || kv.key == "connection_type" || kv.key == "failed";
    out += fmt::format("{}{}{}", out.empty() ? "" : " ", main ? "" : std::string(kv.key) + "=", otlp::to_text(kv.value));
  }
  return out;
}

void read(otlp::Batch& batch, Graph& graph) {
  for (auto& group : batch.groups())
    for (auto& scope : group.scopes) {
      CHECK(scope.scope.read(batch.arena()).name == "traces_service_graph");
      for (auto& item : scope.items) {
        auto& metric = item.read<otlp::Metric>(batch.arena());
        CHECK(metric.temporality == otlp::Temporality::cumulative);
        for (auto& point : metric.points) {
          Seen& to = graph[labels_of(point.attributes)];
          if (metric.name == "traces_service_graph_request_total") to.requests = point.integer, to.start = point.start_time_unix_nano, to.time = point.time_unix_nano;
          if (metric.name == "traces_service_graph_request_failed_total") to.failed = point.integer;
          if (metric.name == "traces_service_graph_request_client") to.client_count = point.count, to.client_sum = point.sum;
          if (metric.name == "traces_service_graph_request_server") {
            to.server_count = point.count, to.server_sum = point.sum;
            auto counts = metric.type == otlp::MetricType::histogram ? point.bucket_counts.span() : point.positive.counts.span();
            to.server_buckets.assign(counts.begin(), counts.end());
          }
        }
      }
    }
}

struct Bench {
  explicit Bench(Config config, std::size_t cores = 1, std::uint64_t seed = 1, const io::MemoryFs* disk = nullptr) : world(cores, seed) {
    if (disk) world.host().fs() = disk->copy();
    if (disk) world.simulation().advance(1min * ++started);  // every process begins at another time
    world.add(factory, "servicegraph", std::make_shared<const Config>(std::move(config)));
    world.pipeline("traces", Signal::traces, {"source"}, {}, {"servicegraph"});
    world.pipeline("metrics", Signal::metrics, {"servicegraph"}, {}, {"sink"});
    world.start();
  }
  Graph take() {
    Graph graph;
    arrivals = 0;
    for (auto& arrived : world.take()) read(*arrived.batch, graph), ++arrivals, shards.insert(arrived.shard);
    return graph;
  }
  double counter(std::string_view name) {
    for (auto& family : world.host().metrics().collect())
      if (family.name == fmt::format("otelcol_connector_servicegraph_{}", name)) return family.samples.at(0).value;
    return -1;
  }

  static inline int started = 0;
  World world;
  std::size_t arrivals = 0;
  std::set<std::uint16_t> shards;
};

SpanSpec client(std::string service, std::uint8_t trace = 1, std::uint8_t id = 1) {
  return {.trace = trace, .span = id, .service = std::move(service), .kind = Span::client, .duration = 20ms};
}
SpanSpec server(std::string service, std::uint8_t trace = 1, std::uint8_t parent = 1) {
  return {.trace = trace, .span = static_cast<std::uint8_t>(parent + 100), .parent = parent, .service = std::move(service), .kind = Span::server, .duration = 15ms};
}
template <class Change>
SpanSpec with(SpanSpec span, Change change) {
  change(span);
  return span;
}

}  // namespace

TEST_CASE("servicegraph: both ends of a request make one edge, whichever comes first and on whatever core") {
  Bench bench({.metrics_flush_interval = 10s}, 2);
  auto push = bench.world.push(make_traces({server("cart")}), 1);
  REQUIRE(bench.world.answer(push));
  CHECK(!*bench.world.answer(push));
  bench.world.push(make_traces({client("web"), with(client("web", 2), [](auto& s) { s.kind = Span::internal; })}), 0);
  bench.world.advance(9s);
  CHECK(bench.take().empty());
  bench.world.advance(1s);
  Graph graph = bench.take();
  REQUIRE(graph.size() == 1);
  Seen& edge = graph.at("web cart  false");
  CHECK(edge.requests == 1);
  CHECK(edge.failed == 0);
  CHECK(edge.client_sum == doctest::Approx(0.020));
  CHECK(edge.server_sum == doctest::Approx(0.015));
  CHECK(edge.server_buckets == std::vector<std::uint64_t>{0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  CHECK(bench.arrivals == 1);
  CHECK(bench.counter("total_edges") == 1);
  bench.world.check_conservation();
}

TEST_CASE("servicegraph: a start that fails on the first core only ends with its error") {
  const engine::Factory failing{.kind = engine::Kind::processor,
                                .type = "failing",
                                .summary = "",
                                .signals = {Signal::metrics},
                                .make_stage = [](const void*, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
                                  struct Passing : engine::Stage {
                                    void process(otlp::Batch batch, engine::Out& out) override { out.push(std::move(batch)); }
                                  };
                                  if (context.shard == 0) return fail(Errc::config, "not here");
                                  return std::make_unique<Passing>();
                                }};
  World world(2, 1);
  world.add(factory, "servicegraph", std::make_shared<const Config>());
  world.add(failing, "failing", nullptr);
  world.pipeline("traces", Signal::traces, {"source"}, {}, {"servicegraph"});
  world.pipeline("metrics", Signal::metrics, {"servicegraph"}, {"failing"}, {"sink"});
  auto started = world.try_start();
  REQUIRE(!started);
  CHECK(started.error().what.contains("not here"));
}

TEST_CASE("servicegraph: the longest intervals and ttl there are do not run over") {
  Config config{.metrics_flush_interval = Duration::max()};
  config.store_expiration_loop = 1s;
  config.store.ttl = config.cache_loop = Duration::max();
  Bench bench(std::move(config));
  bench.world.advance(1s);
  bench.world.push(make_traces({client("web")}));
  bench.world.advance(10s);
  CHECK(bench.counter("expired_edges") == 0);
  bench.world.push(make_traces({server("cart")}));
  bench.world.advance(10s);
  CHECK(bench.take().empty());
  bench.world.stop();
  CHECK(bench.take().at("web cart  false").requests == 1);
}

TEST_CASE("servicegraph: failed is part of the series, from either end") {
  Bench bench({.metrics_flush_interval = 0s});
  bench.world.push(make_traces({client("web"), server("cart"), with(client("web", 2), [](auto& s) { s.status = Span::error; }), server("cart", 2),
                                client("web", 3), with(server("cart", 3), [](auto& s) { s.status = Span::error; })}));
  Graph graph = bench.take();
  CHECK(graph.at("web cart  false").requests == 1);
  CHECK(graph.at("web cart  false").failed == 0);
  CHECK(graph.at("web cart  true").requests == 2);
  CHECK(graph.at("web cart  true").failed == 2);
}

TEST_CASE("servicegraph: messaging and databases") {
  Bench bench({.metrics_flush_interval = 0s, .database_name_attributes = {"db.namespace", "db.name"}});
  bench.world.push(make_traces({with(client("web"), [](auto& s) { s.kind = Span::producer; }), with(server("worker"), [](auto& s) { s.kind = Span::consumer; }),
                                with(client("cart", 2), [](auto& s) { s.attributes = {{"db.name", "shop"}}; }),
                                with(client("cart", 3), [](auto& s) { s.attributes = {{"db.name", "shop"}, {"db.namespace", "ns"}}; })}));
  Graph graph = bench.take();
  CHECK(graph.size() == 3);
  CHECK(graph.at("web worker messaging_system false").requests == 1);
  CHECK(graph.at("cart shop database false").server_sum == doctest::Approx(0.020));
  CHECK(graph.at("cart ns database false").requests == 1);
  CHECK(bench.counter("total_edges") == 3);
}

TEST_CASE("servicegraph: an empty list of names for databases is the usual one") {
  Bench bench({.metrics_flush_interval = 0s, .database_name_attributes = {}});
  bench.world.push(make_traces({with(client("cart"), [](auto& s) { s.attributes = {{"db.name", "shop"}}; })}));
  CHECK(bench.take().at("cart shop database false").requests == 1);
}

TEST_CASE("servicegraph: an end that was never seen becomes a virtual node after ttl") {
  Bench bench({.virtual_node_extra_label = true, .metrics_flush_interval = 10s});
  auto outgoing = [](std::uint8_t trace, std::vector<std::pair<std::string, std::string>> attributes) {
    return with(client("web", trace), [&](auto& s) { s.attributes = std::move(attributes); });
  };
  bench.world.push(make_traces({outgoing(1, {}), outgoing(2, {{"db.system", "redis"}, {"peer.service", "cache"}}), server("web", 3, 0), server("web", 4, 9)}));
  bench.world.advance(10s);
  Graph graph = bench.take();
  CHECK(graph.size() == 3);
  CHECK(graph.at("web unknown virtual_node false virtual_node=server").requests == 1);
  CHECK(graph.at("web unknown virtual_node false virtual_node=server").server_count == 1);
  CHECK(graph.at("web cache virtual_node false virtual_node=server").requests == 1);
  CHECK(graph.at("user web virtual_node false virtual_node=client").requests == 1);
  CHECK(bench.counter("expired_edges") == 4);
}

TEST_CASE("servicegraph: without peer attributes there are no virtual nodes") {
  Bench bench({.virtual_node_peer_attributes = {}, .metrics_flush_interval = 10s});
  bench.world.push(make_traces({client("web"), server("web", 2, 0)}));
  bench.world.advance(60s);
  CHECK(bench.take().empty());
  CHECK(bench.counter("expired_edges") == 2);
}

TEST_CASE("servicegraph: dimensions of either end, as many series as there are values") {
  Bench bench({.dimensions = {"zone", "http.route"}, .metrics_flush_interval = 0s});
  auto in_zone = [](SpanSpec span, std::string zone) { return with(std::move(span), [&](auto& s) { s.attributes = {{"zone", zone}}; }); };
  bench.world.push(make_traces({in_zone(client("web"), "a"), in_zone(server("cart"), "b"), in_zone(client("web", 2), "a"), server("cart", 2), in_zone(client("web", 3), ""),
                                server("cart", 3)}));
  Graph graph = bench.take();
  CHECK(graph.size() == 3);
  CHECK(graph.contains("web cart  false client_zone=a server_zone=b"));
  CHECK(graph.contains("web cart  false client_zone=a"));
  CHECK(graph.contains("web cart  false client_zone="));
}

TEST_CASE("servicegraph: beyond max_items spans are dropped and counted, for all cores together") {
  Bench bench({.store = {.max_items = 2}, .virtual_node_peer_attributes = {}, .metrics_flush_interval = 10s}, 4);
  for (std::uint8_t trace = 1; trace <= 5; ++trace) bench.world.push(make_traces({client("web", trace)}), trace % 4);
  CHECK(bench.counter("dropped_spans") == 3);
  CHECK(bench.counter("total_edges") == 2);
  // A request whose ends come together, or which is complete at once, needs no room after it.
  bench.world.push(make_traces({with(client("web", 9), [](auto& s) { s.attributes = {{"db.name", "shop"}}; }), server("cart", 1)}));
  bench.world.advance(10s);
  CHECK(bench.take().size() == 2);
  bench.world.check_conservation();
  bench.world.push(make_traces({client("web", 10)}));
  CHECK(bench.counter("dropped_spans") == 3);
}

TEST_CASE("servicegraph: spans without service.name are no part of the graph; a span that ends before it starts took no time") {
  Bench bench({.metrics_flush_interval = 0s});
  bench.world.push(make_traces({client(""), server("cart"), with(client("web", 2), [](auto& s) { s.duration = -5s; }), server("cart", 2)}));
  Graph graph = bench.take();
  // make_traces() leaves service.name out when it is empty.
  CHECK(graph.size() == 1);
  CHECK(graph.at("web cart  false").client_sum == 0);
}

TEST_CASE("servicegraph: with metrics_flush_interval 0 metrics leave after each batch") {
  Bench bench({.metrics_flush_interval = 0s}, 2);
  bench.world.push(make_traces({client("web"), server("cart")}));
  bench.take();
  CHECK(bench.arrivals == 1);
  bench.world.push(make_traces({client("web", 2)}));
  CHECK(bench.take().at("web cart  false").requests == 1);
  CHECK(bench.arrivals == 1);
}

TEST_CASE("servicegraph: idle series are forgotten and begin anew") {
  Bench bench({.metrics_flush_interval = 60s});
  bench.world.push(make_traces({client("web"), server("cart"), client("web", 2), server("cart", 2)}));
  bench.world.advance(60s);
  Seen before = bench.take().at("web cart  false");
  bench.world.advance(14min);
  CHECK(bench.take().size() == 1);
  bench.world.advance(3min);
  bench.take();
  bench.world.push(make_traces({client("web", 3), server("cart", 3)}));
  bench.world.advance(60s);
  Seen after = bench.take().at("web cart  false");
  CHECK(before.requests == 2);
  CHECK(after.requests == 1);
  CHECK(after.start > before.time);
}

TEST_CASE("servicegraph: times are moved back by metrics_timestamp_offset") {
  Bench bench({.metrics_flush_interval = 10s, .metrics_timestamp_offset = 30s});
  bench.world.push(make_traces({client("web"), server("cart")}));
  bench.world.advance(10s);
  Seen edge = bench.take().at("web cart  false");
  CHECK(edge.time == bench.world.simulation().clock().wall() - 30'000'000'000ULL);
  CHECK(edge.time - edge.start == 10'000'000'000ULL);
}

TEST_CASE("servicegraph: exponential histograms, merged from several cores") {
  Bench bench({.exponential_histogram_max_size = 10, .metrics_flush_interval = 10s}, 4);
  for (std::uint8_t trace = 1; trace <= 40; ++trace)
    bench.world.push(make_traces({client("web", trace), with(server("cart", trace), [&](auto& s) { s.duration = 1ms * (1 << trace % 4); })}), trace % 4);
  bench.world.advance(10s);
  Seen edge = bench.take().at("web cart  false");
  CHECK(edge.server_count == 40);
  CHECK(edge.server_sum == doctest::Approx(0.150));
  std::uint64_t sum = 0;
  for (auto n : edge.server_buckets) sum += n;
  CHECK(sum == 40);
  CHECK(edge.server_buckets.size() <= 10);
}

TEST_CASE("servicegraph: beyond the limit series become one, and no request is lost") {
  Bench bench({.metrics_flush_interval = 10s, .aggregation_cardinality_limit = 3}, 2);
  for (std::uint8_t trace = 1; trace <= 20; ++trace)
    bench.world.push(make_traces({with(client("web" + std::to_string(trace), trace), [](auto& s) { s.status = Span::error; }), server("cart", trace)}), trace % 2);
  bench.world.advance(10s);
  Graph graph = bench.take();
  CHECK(graph.size() == 4);
  Seen sum;
  for (auto& [labels, seen] : graph) sum.requests += seen.requests, sum.failed += seen.failed;
  CHECK(sum.requests == 20);
  CHECK(sum.failed == 20);
  CHECK(graph.at("otel.metric.overflow=true").requests == 17);
}

TEST_CASE("servicegraph: edges and series are charged to the memory budget, and over a quarter of it series become one") {
  Config config{.metrics_flush_interval = 10s};
  config.store.max_items = 100'000;
  Bench bench(std::move(config), 2);
  Budget& budget = bench.world.host().budget();
  budget.set_limit(400'000);
  CHECK(budget.used() == 0);
  bench.world.push(make_traces({client("web")}));
  std::size_t with_edge = budget.used();
  CHECK(with_edge >= 300);
  bench.world.push(make_traces({server("cart")}));
  CHECK(budget.used() >= with_edge + 300);
  for (int i = 1; i < 1000; ++i) {
    auto trace = static_cast<std::uint8_t>(i % 250);
    bench.world.push(make_traces({client("web" + std::to_string(i), trace), server("cart", trace)}), static_cast<std::size_t>(i % 2));
  }
  bench.world.advance(10s);
  Graph graph = bench.take();
  CHECK(graph.size() > 50);
  CHECK(graph.size() < 500);
  std::int64_t requests = 0;
  for (auto& [labels, seen] : graph) requests += seen.requests;
  CHECK(requests == 1000);
  CHECK(budget.used() > 400'000 / 4);
  CHECK(budget.used() < 400'000 / 3);
  bench.world.advance(20min);  // idle series go
  bench.take();
  CHECK(budget.used() < 20'000);
  bench.world.stop();
  CHECK(budget.used() == 0);
}

TEST_CASE("servicegraph: what was counted leaves at shutdown; a caller that cannot come any more is a user") {
  Bench bench({.metrics_flush_interval = 60s}, 3);
  for (std::uint8_t trace = 1; trace <= 12; ++trace) bench.world.push(make_traces({client("web", trace), server("cart", trace)}), trace % 3);
  bench.world.push(make_traces({server("web", 20, 0), client("web", 21)}));
  bench.world.stop();
  Graph graph = bench.take();
  CHECK(bench.arrivals == 1);
  CHECK(graph.size() == 2);
  CHECK(graph.at("web cart  false").requests == 12);
  CHECK(graph.at("user web virtual_node false").requests == 1);
}

TEST_CASE("servicegraph: very long names are cut") {
  Bench bench({.metrics_flush_interval = 0s});
  std::string long_name = "x" + std::string(10'000, 'e');
  for (std::size_t i = 1; i + 1 < long_name.size(); i += 2) long_name.replace(i, 2, "é");
  bench.world.push(make_traces({client(long_name), server("cart")}));
  Graph graph = bench.take();
  REQUIRE(graph.size() == 1);
  CHECK(graph.begin()->first.size() == 4095 + std::string_view(" cart  false").size());
}

TEST_CASE("servicegraph: settings that cannot be") {
  auto errors = [&](config::Value value) {
    config::Problems problems;
    factory.decode(&value, problems);
    return problems.errors();
  };
  auto make = [](std::string_view key, config::Value value) {
    config::Value out = config::Value::map();
    out.set(std::string(key), std::move(value));
    return out;
  };
  CHECK(errors(make("exponential_histogram_max_size", config::Value::plain("-1"))) == 1);
  CHECK(errors(make("metrics_flush_interval", config::Value::plain("zzz"))) == 1);
  CHECK(errors(make("dimension", config::Value::list())) == 1);
}

namespace {

// Random calls between a few services, in random order and cut into random batches.
std::vector<std::vector<SpanSpec>> random_load(std::uint64_t seed) {
  Rng rng(seed);
  std::vector<SpanSpec> spans;
  std::vector<std::string> services = {"a", "b", "c", "d"};
  std::vector<std::string> zones = {"x", "y", "z"};
  for (std::uint8_t trace = 1; trace <= 60; ++trace)
    for (std::uint8_t id = 1; id <= 4; ++id) {
      auto pick = [&](auto& from) { return from[rng.below(from.size())]; };
      bool messaging = rng.below(5) == 0;
      auto change = [&](SpanSpec span, std::int32_t plain, std::int32_t queue) {
        span.kind = messaging ? queue : plain;
        span.status = rng.below(6) == 0 ? Span::error : Span::unset;
        span.duration = 1ms * rng.below(3000);
        if (rng.below(2)) span.attributes.emplace_back("zone", pick(zones));
        if (rng.below(8) == 0) span.attributes.emplace_back("db.name", pick(zones));
        return span;
      };
      if (rng.below(8)) spans.push_back(change(client(pick(services), trace, id), Span::client, Span::producer));
      if (rng.below(8)) spans.push_back(change(server(pick(services), trace, rng.below(6) ? id : std::uint8_t{0}), Span::server, Span::consumer));
    }
  std::vector<std::vector<SpanSpec>> batches;
  while (!spans.empty()) {
    std::size_t n = 1 + rng.below(std::min<std::size_t>(spans.size(), 20));
    batches.emplace_back(spans.end() - static_cast<std::ptrdiff_t>(n), spans.end());
    spans.resize(spans.size() - n);
  }
  return batches;
}

Graph graph_of(const std::vector<std::vector<SpanSpec>>& batches, std::size_t cores, std::uint64_t seed) {
  Bench bench({.dimensions = {"zone"}, .metrics_flush_interval = 10s}, cores, seed);
  // One core at a time takes in: the order of two spans of one edge counts, and is the sender's to keep.
  for (std::size_t i = 0; i < batches.size(); ++i) bench.world.push(make_traces(batches[i]), (seed + i) % cores);
  bench.world.advance(20s);
  Graph graph = bench.take();
  CHECK(bench.shards.size() == 1);
  bench.world.check_conservation();
  return graph;
}

// The same, in the plainest way there is: no cores, no tables that are reused.
Graph reference(const std::vector<std::vector<SpanSpec>>& batches) {
  struct Half {
    std::string client, server, type;
    bool failed = false;
    double client_s = 0, server_s = 0;
    std::map<std::string, std::string> zones;  // "0" the client's, "1" the server's
    bool root = false;
  };
  std::map<std::pair<int, int>, Half> halves;
  Graph graph;
  auto add = [&](const Half& half) {
    std::string labels = fmt::format("{} {} {} {}", half.client, half.server, half.type, half.failed);
    for (auto& [end, zone] : half.zones) labels += fmt::format(" {}_zone={}", end == "0" ? "client" : "server", zone);
    Seen& to = graph[labels];
    to.requests++, to.failed += half.failed, to.server_count++, to.client_count++;
    to.server_sum += half.server_s, to.client_sum += half.client_s;
    static constexpr std::array bounds{0.002, 0.004, 0.006, 0.008, 0.01, 0.05, 0.1, 0.2, 0.4, 0.8, 1., 1.4, 2., 5., 10., 15.};
    to.server_buckets.resize(17);
    to.server_buckets[static_cast<std::size_t>(std::count_if(bounds.begin(), bounds.end(), [&](double b) { return b < half.server_s; }))]++;
  };
  for (auto& batch : batches) {
    // A batch holds a group for each service, in order of their first span.
    std::vector<std::string> order;
    for (auto& span : batch)
      if (std::find(order.begin(), order.end(), span.service) == order.end()) order.push_back(span.service);
    for (auto& service : order)
      for (auto& span : batch) {
        if (span.service != service) continue;
        bool calls = span.kind == Span::client || span.kind == Span::producer;
        std::pair key{span.trace, calls ? span.span : span.parent};
        Half& half = halves[key];
        half.root = key.second == 0;
        half.type = span.kind == Span::producer || span.kind == Span::consumer ? "messaging_system" : "";
        half.failed |= span.status == Span::error;
        double seconds = std::chrono::duration<double>(span.duration).count();
        (calls ? half.client : half.server) = span.service;
        (calls ? half.client_s : half.server_s) = seconds;
        for (auto& [name, value] : span.attributes) {
          if (name == "zone") half.zones[calls ? "0" : "1"] = value;
          if (name == "db.name" && calls) half.type = "database", half.server = value, half.server_s = seconds;
        }
        if (half.client.empty() || half.server.empty()) continue;
        add(half);
        halves.erase(key);
      }
  }
  for (auto& [key, half] : halves) {
    half.type = "virtual_node";
    if (half.client.empty() && !half.root) continue;
    (half.client.empty() ? half.client : half.server) = half.client.empty() ? "user" : "unknown";
    add(half);
  }
  return graph;
}

}  // namespace

TEST_CASE("servicegraph: the graph is the same on 1, 2 and 8 cores, and the one a plain program finds") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    auto batches = random_load(seed);
    Graph expected = reference(batches);
    for (std::size_t cores : {1, 2, 8}) {
      CAPTURE(cores);
      Graph graph = graph_of(batches, cores, seed);
      REQUIRE(graph.size() == expected.size());
      for (auto& [labels, seen] : expected) {
        CAPTURE(labels);
        REQUIRE(graph.contains(labels));
        REQUIRE(graph.at(labels) == seen);
      }
    }
  }
}

TEST_CASE("servicegraph: counts go on after an orderly restart, and begin anew after a crash") {
  for (std::int32_t exponential : {0, 20}) {
    Config config{.exponential_histogram_max_size = exponential, .dimensions = {"shop.id"}, .metrics_flush_interval = 10s};
    io::MemoryFs disk;
    auto request = [](Bench& bench, std::size_t core) {
      bench.world.push(make_traces({client("web"), server("cart")}), core);
    };
    UnixNanos start = 0;
    {
      Bench first(config, 3, 1, &disk);
      for (std::size_t core : {0u, 1u, 2u, 0u}) request(first, core);
      first.world.advance(11s);
      start = first.take().at("web cart  false").start;
      request(first, 1);
      first.world.stop();
      CHECK(first.take().at("web cart  false").requests == 5);
      disk = first.world.host().fs().copy();
    }
    {
      Bench second(config, 2, 2, &disk);
      request(second, 1);
      second.world.advance(11s);
      auto graph = second.take();
      CHECK(graph.at("web cart  false").requests == 6);
      CHECK(graph.at("web cart  false").server_count == 6);
      CHECK(graph.at("web cart  false").client_sum == doctest::Approx(6 * 0.020));
      CHECK(graph.at("web cart  false").start == start);
      disk = second.world.host().fs().copy();  // killed
      second.world.stop();
    }
    Bench third(config, 1, 3, &disk);
    request(third, 0);
    third.world.advance(11s);
    auto graph = third.take();
    CHECK(graph.at("web cart  false").requests == 1);
    CHECK(graph.at("web cart  false").start != start);
    third.world.stop();
  }
}

TEST_CASE("servicegraph: a series that was kept under labels of another shape is not taken up") {
  Config plain, more{.dimensions = {"a"}};
  Budget budget;
  auto shape = [&](const Config& config) { return std::make_shared<connectors::servicegraph::Shape>(config, budget, 1); };
  connectors::servicegraph::SeriesTable from(shape(plain)), same(shape(plain)), other(shape(more));
  connectors::servicegraph::Edge edge;
  edge.client = "web", edge.server = "cart";
  from.add(edge, TimePoint());
  std::string packed = from.pack();
  CHECK(same.unpack(packed, TimePoint()));
  CHECK(same.size() == 1);
  CHECK(same.bytes() == from.bytes());
  CHECK_FALSE(other.unpack(packed, TimePoint()));
  CHECK(other.empty());
  for (std::size_t size = 1; size < packed.size(); ++size) CHECK_FALSE(same.unpack(std::string_view(packed).substr(0, size), TimePoint()));
}
