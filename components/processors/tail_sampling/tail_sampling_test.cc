#include "components/processors/tail_sampling/tail_sampling.h"

#include <doctest/doctest.h>

#include <set>

#include "components/processors/tail_sampling/policies.h"
#include "engine/testing.h"

namespace weir::processors::tail_sampling {
engine::Factory factory();
}

using namespace weir;
using namespace weir::processors::tail_sampling;
using namespace weir::engine::testing;
using otlp::Signal;

namespace {

Policy errors() { return {.name = "errors", .type = "status_code", .status_code = {{"ERROR"}}}; }
Policy everything() { return {.name = "always", .type = "always_sample"}; }
Policy share(double percent) { return {.name = "share", .type = "probabilistic", .probabilistic = {.sampling_percentage = percent}}; }

struct Fixture {
  explicit Fixture(Config config, std::size_t cores = 1, std::uint64_t seed = 1) : world(cores, seed) {
    static const engine::Factory tail = factory();
    world.add(tail, "tail_sampling", std::make_shared<Config>(std::move(config)));
    world.pipeline("traces", Signal::traces, {"source"}, {"tail_sampling"}, {"sink"});
    world.start();
  }
  // trace → spans that came out since the last call.
  std::map<int, int> out() {
    std::map<int, int> counts;
    for (auto& arrived : world.take())
      for (auto& group : arrived.batch->groups())
        for (auto& scope : group.scopes)
          for (auto& item : scope.items) ++counts[item.read<otlp::Span>(arrived.batch->arena()).trace_id.bytes[15]];
    return counts;
  }
  std::uint64_t dropped(engine::Reason reason) {
    std::uint64_t n = 0;
    for (auto& row : world.engine().ledger(true)) n += row.dropped[static_cast<std::size_t>(reason)];
    return n;
  }
  World world;
};

using Counts = std::map<int, int>;

}  // namespace

TEST_CASE("a late error keeps the whole trace; the others go") {
  Fixture f({.decision_wait = 10s, .policies = {errors()}});
  f.world.push(make_traces({{.trace = 1, .span = 1}, {.trace = 2, .span = 1}}));
  f.world.advance(4s);
  f.world.push(make_traces({{.trace = 1, .span = 2, .status = 2}}));
  f.world.advance(5s);
  CHECK(f.out().empty());
  f.world.check_conservation();
  f.world.advance(2s);
  CHECK(f.out() == Counts{{1, 2}});
  CHECK(f.dropped(engine::Reason::sampled_out) == 1);
  f.world.stop();
}

TEST_CASE("late spans follow the decision") {
  Fixture f({.decision_wait = 1s, .policies = {errors()}});
  f.world.push(make_traces({{.trace = 1, .status = 2}, {.trace = 2}}));
  f.world.advance(2s);
  CHECK(f.out() == Counts{{1, 1}});
  f.world.push(make_traces({{.trace = 1, .span = 7}, {.trace = 2, .span = 7}}));
  CHECK(f.out() == Counts{{1, 1}});
  CHECK(f.dropped(engine::Reason::late) == 1);
  f.world.stop();
}

TEST_CASE("too many traces: the oldest is decided early, none is lost unseen") {
  Fixture f({.decision_wait = 30s, .num_traces = 3, .policies = {everything()}});
  for (std::uint8_t t = 1; t <= 5; ++t) f.world.push(make_traces({{.trace = t}}));
  CHECK(f.out() == Counts{{1, 1}, {2, 1}});
  f.world.stop();
  CHECK(f.out() == Counts{{3, 1}, {4, 1}, {5, 1}});
}

TEST_CASE("the root span, silence, and size end the wait early") {
  Fixture root({.decision_wait = 60s, .decision_wait_after_root_received = 2s, .policies = {everything()}});
  root.world.push(make_traces({{.trace = 1, .parent = 5}, {.trace = 2, .parent = 5}}));
  root.world.push(make_traces({{.trace = 1, .span = 5}}));
  root.world.advance(3s);
  CHECK(root.out() == Counts{{1, 2}});
  root.world.stop();

  Fixture idle({.decision_wait = 60s, .decision_wait_idle = 5s, .policies = {everything()}});
  idle.world.push(make_traces({{.trace = 1}, {.trace = 2}}));
  idle.world.advance(4s);
  idle.world.push(make_traces({{.trace = 1, .span = 2}}));
  idle.world.advance(2s);
  CHECK(idle.out() == Counts{{2, 1}});
  idle.world.advance(4s);
  CHECK(idle.out() == Counts{{1, 2}});
  idle.world.stop();

  Fixture large({.decision_wait = 1s, .policies = {everything()}, .maximum_trace_size_bytes = 300});
  for (std::uint8_t s = 1; s <= 20; ++s) large.world.push(make_traces({{.trace = 1, .span = s}}));
  large.world.push(make_traces({{.trace = 2}}));
  large.world.advance(2s);
  CHECK(large.out() == Counts{{2, 1}});
  CHECK(large.dropped(engine::Reason::too_large) > 0);
  large.world.stop();
}

TEST_CASE("drop wins over everything; not and and combine") {
  Policy no_errors{.name = "d", .type = "drop"};
  Policy inverse{.name = "n", .type = "not"};
  inverse.not_policy.not_sub_policy.policy = {errors()};
  no_errors.drop.drop_sub_policy = {inverse};
  Fixture f({.decision_wait = 1s, .policies = {everything(), no_errors}});
  f.world.push(make_traces({{.trace = 1, .status = 2}, {.trace = 2}}));
  f.world.advance(2s);
  CHECK(f.out() == Counts{{1, 1}});
  f.world.stop();
}

TEST_CASE("the hash of the salt and the trace id is the collector's") {
  otlp::TraceId id;
  std::string raw;
  for (auto [hex, hash] : {std::pair("4bf92f3577b34da6a3ce929d0e0e4736", 0xa54533ba2e4970b5ULL), std::pair("000102030405060708090a0b0c0d0e0f", 0xa6622cfe5bfb0e0dULL)}) {
    raw.clear();
    for (int i = 0; i < 32; i += 2) raw += static_cast<char>(std::stoi(std::string(hex).substr(static_cast<std::size_t>(i), 2), nullptr, 16));
    CHECK(trace_hash("default-hash-seed", otlp::TraceId::from(raw)) == hash);
  }
}

TEST_CASE("settings that make no sense are refused") {
  CHECK_FALSE(Policies::check({.policies = {{.name = "x", .type = "status_code"}}}));
  CHECK_FALSE(Policies::check({.policies = {{.name = "x", .type = "status_code", .status_code = {{"MAYBE"}}}}}));
  CHECK_FALSE(Policies::check({.policies = {{.name = "x", .type = "string_attribute", .string_attribute = {.key = "a", .values = {"("}, .enabled_regex_matching = true}}}}));
  CHECK(Policies::check({.policies = {errors(), everything(), share(3)}}));
}

TEST_CASE("the same decisions on every number of cores, whatever the interleaving, faults of the clock included") {
  // The reference: which traces of a random load have an error or a lucky hash.
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    std::set<std::map<int, int>> results;
    for (std::size_t cores : {1, 2, 8}) {
      Rng load(seed);
      std::map<int, int> expected, sent;
      std::map<int, bool> error;
      Fixture f({.decision_wait = 5s, .policies = {errors(), share(30)}}, cores, seed);
      for (int i = 0; i < 60; ++i) {
        std::vector<SpanSpec> spans;
        for (std::uint64_t n = 1 + load.below(6); n > 0; --n) {
          auto trace = static_cast<std::uint8_t>(1 + load.below(25));
          bool failed = load.chance(0.05);
          spans.push_back({.trace = trace, .span = static_cast<std::uint8_t>(load.below(200)), .status = failed ? 2 : 0});
          ++sent[trace];
          error[trace] |= failed;
        }
        f.world.push(make_traces(spans), load.below(cores));
        if (load.chance(0.1)) f.world.simulation().clock().jump_wall(load.chance(0.5) ? 1h : -1h);
        f.world.check_conservation();
      }
      f.world.advance(7s);
      for (auto [trace, n] : sent) {
        otlp::TraceId id;
        id.bytes[15] = static_cast<unsigned char>(trace);
        bool lucky = trace_hash("default-hash-seed", id) <= static_cast<std::uint64_t>(static_cast<long double>(std::numeric_limits<std::uint64_t>::max()) * 0.3L);
        if (error[trace] || lucky) expected[trace] = n;
      }
      CHECK(f.out() == expected);
      f.world.stop();
    }
  }
}
