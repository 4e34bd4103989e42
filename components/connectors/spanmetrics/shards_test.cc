#include <doctest/doctest.h>

#include <set>

#include "components/connectors/spanmetrics/testing.h"

using namespace weir;
using namespace weir::connectors::spanmetrics;
using namespace weir::connectors::spanmetrics::testing;

namespace {

struct Sum {
  std::int64_t count = 0;
  double duration = 0;
};
// What a few lines of single-threaded code count: "service name route" → sum.
using Reference = std::map<std::string, Sum>;

std::vector<SpanSpec> random_spans(Rng& rng, Reference& reference) {
  std::vector<SpanSpec> spans;
  for (std::uint64_t n = rng.below(40) + 1; n-- > 0;) {
    SpanSpec span{.trace = static_cast<std::uint8_t>(rng.next()), .name = fmt::format("op {}", rng.below(4)), .service = fmt::format("service {}", rng.below(12)),
                  .duration = Duration(rng.below(2'000'000'000))};
    std::string key = fmt::format("{} duration span.name={}", span.service, span.name);
    if (rng.chance(0.7)) {
      span.attributes.emplace_back("route", fmt::format("/{}", rng.below(3)));
      key += " route=" + span.attributes[0].second;
    }
    auto& sum = reference[key];
    ++sum.count;
    sum.duration += static_cast<double>(span.duration.count()) / 1e6;
    spans.push_back(std::move(span));
  }
  return spans;
}

// Durations of all intervals added up. With cumulative temporality the newest are the sum already.
void add(Points points, bool delta, Points& total) {
  for (auto& [key, point] : points) {
    if (key.find(" duration ") == key.npos) continue;
    auto& to = total[key];
    to.value = delta ? to.value + point.value : point.value;
    to.sum = delta ? to.sum + point.sum : point.sum;
  }
}

void check(std::size_t cores, std::uint64_t seed, bool delta) {
  CAPTURE(cores);
  CAPTURE(seed);
  CAPTURE(delta);
  Config config{.dimensions = {{.name = "route"}}, .metrics_flush_interval = 5s};
  if (delta) config.aggregation_temporality = delta_temporality;
  Fixture f(config, cores, seed);
  Rng rng(seed);
  Reference reference;
  Points total;
  for (int step = 0; step < 30; ++step) {
    f.push(random_spans(rng, reference), rng.below(cores));
    f.world.advance(Duration(rng.below(3'000'000'000)));
    add(f.points(), delta, total);
  }
  f.world.stop();
  add(f.points(), delta, total);
  REQUIRE(total.size() == reference.size());
  for (auto& [key, sum] : reference) {
    CHECK(total[key].value == sum.count);
    CHECK(total[key].sum == doctest::Approx(sum.duration));
  }
}

}  // namespace

TEST_CASE("span metrics: any number of cores counts what one thread would") {
  for (std::size_t cores : {1, 2, 8})
    for (std::uint64_t seed = 1; seed <= 10; ++seed)
      for (bool delta : {false, true}) check(cores, seed, delta);
}

TEST_CASE("span metrics: a series leaves from one core, so that its points stay in order") {
  Fixture f({}, 4);
  std::map<std::string, std::set<std::uint16_t>> cores;
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 20; ++i) f.push({{.service = fmt::format("service {}", i)}}, static_cast<std::size_t>((i + round) % 4));
    f.world.advance(60s);
    for (auto& arrived : f.world.take())
      for (auto& group : arrived.batch->groups())
        cores[otlp::to_text(*group.resource.read(arrived.batch->arena()).attributes.find("service.name"))].insert(arrived.shard);
  }
  CHECK(cores.size() == 20);
  for (auto& [service, seen] : cores) CHECK(seen.size() == 1);
  f.world.stop();
}

TEST_CASE("span metrics: deltas of all cores leave as one request") {
  Fixture f({.aggregation_temporality = std::string(delta_temporality)}, 4);
  std::vector<SpanSpec> spans;
  for (int i = 0; i < 20; ++i) spans.push_back({.service = fmt::format("service {}", i)});
  f.push(spans, 3);
  f.world.advance(61s);
  auto arrived = f.world.take();
  REQUIRE(arrived.size() == 1);
  CHECK(arrived[0].batch->items() == 40);
  f.world.stop();
}

TEST_CASE("span metrics: resources told apart by less than their service are counted together, on any number of cores") {
  Config config{.exclude_dimensions = {"service.name"}, .resource_metrics_key_attributes = {"zone"}};
  Fixture f(config, 4);
  for (int i = 0; i < 8; ++i) f.push({{.service = fmt::format("service {}", i)}}, static_cast<std::size_t>(i % 4));
  f.world.advance(60s);
  auto arrived = f.world.take();
  REQUIRE(arrived.size() == 1);
  CHECK(arrived[0].batch->items() == 2);
  f.world.stop();
}
