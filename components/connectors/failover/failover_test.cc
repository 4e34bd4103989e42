#include <doctest/doctest.h>

#include <set>

#include "config/yaml.h"
#include "engine/decode.h"
#include "engine/testing.h"

namespace weir::connectors::failover {
engine::Factory factory();
}

using namespace weir;
using namespace weir::engine::testing;
using engine::Signal;

namespace {

const engine::Factory failover_factory = connectors::failover::factory();

struct Bench {
  Bench() : world(1, 1) {
    config::Problems problems;
    auto value = config::parse_yaml("{priority_levels: [[traces/a, traces/b], [traces/c]], strategy: standard, standard: {retry_interval: 1m}, sending_queue: {enabled: true}}");
    REQUIRE(value);
    world.add(failover_factory, "failover", failover_factory.decode(&*value, problems));
    REQUIRE_MESSAGE(!problems.failed(), problems.to_string());
    world.pipeline("traces/in", Signal::traces, {"source"}, {}, {"failover"});
    for (std::string name : {"a", "b", "c"}) {
      world.pipeline("traces/" + name, Signal::traces, {"failover"}, {}, {"sink/" + name});
      world.rule("sink/" + name, [this, name](const otlp::Batch&) -> Outcome { return down.contains(name) ? Outcome(Error{Errc::retryable, name + " is away", {}}) : std::nullopt; });
    }
    world.start();
  }
  // How many batches each sink has taken since the last call.
  std::string took() {
    std::string out;
    for (std::string name : {"a", "b", "c"}) out += fmt::format("{}", world.take("sink/" + name).size());
    return out;
  }
  World world;
  std::set<std::string> down;
};

}  // namespace

TEST_CASE("failover: the first level that takes everything gets it, and is asked again after a while") {
  Bench bench;
  auto push = [&] {
    auto number = bench.world.push(make_traces({{}, {.span = 2}}));
    bench.world.advance(1ms);
    REQUIRE(bench.world.answer(number));
    return *bench.world.answer(number);
  };
  CHECK_FALSE(push());
  CHECK(bench.took() == "110");
  bench.down = {"b"};  // one pipeline of the level is enough
  CHECK_FALSE(push());
  bench.took();
  CHECK_FALSE(push());
  CHECK(bench.took() == "001");  // without asking the first level
  bench.down.clear();
  bench.world.advance(61s);
  CHECK_FALSE(push());
  CHECK(bench.took() == "110");
  bench.down = {"a", "c"};
  auto error = push();
  REQUIRE(error);
  CHECK(error->what == "c is away");
  bench.took();
  bench.down.clear();
  CHECK_FALSE(push());  // all are unhealthy: all are asked
  CHECK(bench.took() == "110");
  bench.world.check_conservation();
  bench.world.stop();
}
