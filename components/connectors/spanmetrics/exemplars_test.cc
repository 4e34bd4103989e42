#include <doctest/doctest.h>

#include "components/connectors/spanmetrics/testing.h"
#include "components/shared/decisions/decisions.h"

using namespace weir;
using namespace weir::connectors::spanmetrics;
using namespace weir::connectors::spanmetrics::testing;
using decisions::Board;

namespace {

otlp::TraceId trace(std::uint8_t n) {
  otlp::TraceId id;
  id.bytes[15] = n;
  return id;
}

std::vector<SpanSpec> traces(std::initializer_list<std::uint8_t> ids, std::string name = "op") {
  std::vector<SpanSpec> out;
  for (auto id : ids) out.push_back({.trace = id, .name = name});
  return out;
}

struct Sampled : Fixture {
  explicit Sampled(Config config) : Fixture(std::move(config)), sampler(decisions::board_of(world.host())) {}
  void decide(std::uint8_t id, bool kept) { sampler.publish(trace(id), kept, world.simulation().core(0).now()); }
  Board::Sampler sampler;
};

using Ids = std::vector<int>;

}  // namespace

TEST_CASE("exemplars: without a sampler the first spans of each interval, on calls and durations") {
  Fixture f({.exemplars = {.enabled = true, .max_per_data_point = 2}});
  f.push(traces({1, 2, 3}));
  f.push({{.trace = 0}});
  Points points = f.flushed();
  CHECK(points["shop calls span.name=op"].exemplars == Ids{1, 2});
  CHECK(points["shop duration span.name=op"].exemplars == Ids{1, 2});
  CHECK(f.flushed()["shop duration span.name=op"].exemplars.empty());
  f.world.stop();
}

TEST_CASE("exemplars: with a sampler only kept traces, on the flush after the decision") {
  Sampled f({.exemplars = {.enabled = true}});
  f.push(traces({1, 2, 3}));
  CHECK(f.flushed()["shop duration span.name=op"].exemplars.empty());
  f.decide(1, false);
  f.decide(3, true);
  Points points = f.flushed();
  CHECK(points["shop duration span.name=op"].exemplars == Ids{3});
  CHECK(points["shop calls span.name=op"].exemplars == Ids{3});
  f.decide(2, true);
  CHECK(f.flushed()["shop duration span.name=op"].exemplars.empty());  // it waited two minutes by then
  f.world.stop();
}

TEST_CASE("exemplars: what was decided before the span came counts at the next flush") {
  Sampled f({.exemplars = {.enabled = true}});
  f.decide(1, true);
  f.push(traces({1}));
  CHECK(f.flushed()["shop duration span.name=op"].exemplars == Ids{1});
  f.world.stop();
}

TEST_CASE("exemplars: the setting decides where the process does not") {
  SUBCASE("all, although a sampler runs") {
    Sampled f({.exemplars = {.enabled = true, .traces = ExemplarTraces::all}});
    f.push(traces({1}));
    CHECK(f.flushed()["shop duration span.name=op"].exemplars == Ids{1});
    f.world.stop();
  }
  SUBCASE("kept, although none runs") {
    Fixture f({.exemplars = {.enabled = true, .traces = ExemplarTraces::kept}});
    f.push(traces({1}));
    CHECK(f.flushed()["shop duration span.name=op"].exemplars.empty());
    f.world.stop();
  }
}

TEST_CASE("exemplars: slow spans find a place beside many fast ones") {
  Sampled f({.exemplars = {.enabled = true}});
  std::vector<SpanSpec> spans;
  for (int i = 0; i < 200; ++i) spans.push_back({.trace = 1, .duration = 1ms});
  spans.push_back({.trace = 2, .duration = 9s});
  f.push(spans);
  f.decide(1, false);
  f.decide(2, true);
  CHECK(f.flushed()["shop duration span.name=op"].exemplars == Ids{2});
  f.world.stop();
}

TEST_CASE("exemplars: places among the candidates are bounded and come free again") {
  Sampled f({.exemplars = {.enabled = true, .max_candidates = 2}});
  f.push(traces({1, 2, 3}));
  for (std::uint8_t id = 1; id <= 4; ++id) f.decide(id, id >= 3);
  f.world.advance(2s);
  f.push(traces({4}));
  CHECK(f.flushed()["shop duration span.name=op"].exemplars == Ids{4});
  f.world.stop();
}

TEST_CASE("exemplars: a series that expired meanwhile takes its candidates along") {
  Sampled f({.series_expiration = 60s, .exemplars = {.enabled = true}});
  f.push(traces({1}));
  f.push(traces({2}, "other"));
  f.world.advance(30s);
  f.push(traces({2}, "other"));
  f.world.advance(40s);
  f.decide(1, true);
  f.decide(2, true);
  f.world.take();
  Points points = f.flushed();
  CHECK(!points.contains("shop duration span.name=op"));
  CHECK(points["shop duration span.name=other"].exemplars == Ids{2, 2});
  f.world.stop();
}

TEST_CASE("exemplars: with delta temporality one that comes late waits for the next point of its series") {
  Sampled f({.aggregation_temporality = std::string(delta_temporality), .exemplars = {.enabled = true}});
  f.push(traces({1}));
  f.flushed();
  f.decide(1, true);
  CHECK(f.flushed().empty());
  f.push(traces({2}));
  CHECK(f.flushed()["shop duration span.name=op"].exemplars == Ids{1});
  f.world.stop();
}

TEST_CASE("exemplars: overflow series have none") {
  Fixture f({.exemplars = {.enabled = true}, .aggregation_cardinality_limit = 1});
  f.push(traces({1}, "a"));
  f.push(traces({2}, "b"));
  Points points = f.flushed();
  CHECK(points["shop duration span.name=a"].exemplars == Ids{1});
  CHECK(points["shop duration otel.metric.overflow=true"].exemplars.empty());
  f.world.stop();
}
