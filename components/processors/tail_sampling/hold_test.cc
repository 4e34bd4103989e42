#include <doctest/doctest.h>

#include <set>

#include "components/processors/tail_sampling/testing.h"

using namespace weir;
using namespace weir::engine::testing;
using namespace weir::processors::tail_sampling;
using namespace weir::processors::tail_sampling::testing;

namespace {

// A process with a disk. What it does after kill() nobody sees.
struct Process {
  Process(io::MemoryFs& left, std::size_t cores, std::uint64_t seed = 1, Duration wait = 10s) : disk(left), world(cores, seed) {
    static const engine::Factory tail = factory();
    world.host().fs() = disk.copy();
    world.add(tail, "tail_sampling", std::make_shared<Config>(Config{.decision_wait = wait, .policies = {everything()}}));
    world.pipeline("traces", otlp::Signal::traces, {"source"}, {"tail_sampling"}, {"sink"});
    world.start();
  }
  std::size_t push(int trace, int span, std::size_t core = 0) {
    auto number = world.push(make_traces({{.trace = static_cast<std::uint8_t>(trace), .span = static_cast<std::uint8_t>(span)}}), core);
    return number;
  }
  bool ok(std::size_t push) { return world.answer(push) && !*world.answer(push); }
  // Spans of each trace that came out, and whether every trace came in one batch.
  void collect(std::map<int, std::set<int>>& spans) {
    for (auto& arrived : world.take())
      for (auto& group : arrived.batch->groups())
        for (auto& scope : group.scopes)
          for (auto& item : scope.items) {
            auto& span = item.read<otlp::Span>(arrived.batch->arena());
            spans[span.trace_id.bytes[15]].insert(span.span_id.bytes[7]);
          }
  }
  void kill() { disk = world.host().fs().copy(); }

  io::MemoryFs& disk;
  World world;
};

}  // namespace

TEST_CASE("traces that wait are decided after a kill, whole, on any number of cores") {
  for (std::size_t cores : {1u, 2u, 3u}) {
    CAPTURE(cores);
    io::MemoryFs disk;
    {
      Process first(disk, 2);
      for (int trace = 1; trace <= 40; ++trace)
        for (int span = 1; span <= 3; ++span) {
          auto push = first.push(trace, span, static_cast<std::size_t>(span) % 2);
          first.world.advance(11ms);
          CHECK(first.ok(push));
        }
      first.kill();
    }
    Process second(disk, cores);
    second.world.advance(1s);
    for (int trace = 1; trace <= 40; ++trace) second.push(trace, 4);  // late ones find their trace
    second.world.advance(15s);
    std::map<int, std::set<int>> spans;
    second.collect(spans);
    CHECK(spans.size() == 40);
    for (auto& [trace, seen] : spans) CHECK(seen == std::set<int>{1, 2, 3, 4});
    second.world.check_conservation();
    second.world.stop();
    disk = second.world.host().fs().copy();
    Process third(disk, 1);
    third.world.advance(15s);
    std::map<int, std::set<int>> again;
    third.collect(again);
    CHECK(again.empty());
    third.world.stop();
  }
}

TEST_CASE("what was decided and delivered does not come again, and its records go") {
  io::MemoryFs disk;
  Process process(disk, 1);
  process.push(1, 1);
  process.world.advance(5s);
  process.push(2, 1);
  process.world.advance(8s);
  std::map<int, std::set<int>> spans;
  process.collect(spans);
  CHECK(spans.size() == 1);
  process.world.advance(100ms);
  process.kill();
  Process next(disk, 1);
  next.world.advance(15s);
  spans.clear();
  next.collect(spans);
  CHECK(spans == std::map<int, std::set<int>>{{2, {1}}});
  next.world.stop();
  process.world.stop();
}

TEST_CASE("kills at random moments: every span answered OK comes out of one of the processes") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Rng rng(seed);
    io::MemoryFs disk;
    std::map<int, std::set<int>> answered, came;
    for (int round = 0, trace = 0; round < 4; ++round) {
      std::size_t cores = 1 + rng.below(3);
      Process now(disk, cores, rng.next(), 2s);
      std::map<std::pair<int, int>, std::size_t> pushes;
      for (std::uint64_t i = rng.below(50); i-- > 0;) {
        if (rng.chance(0.5)) ++trace;
        int span = static_cast<int>(rng.below(200)) + 1;
        pushes[{trace, span}] = now.push(trace, span, rng.below(cores));
        now.world.advance(Duration(static_cast<std::int64_t>(rng.below(300'000'000))));
      }
      now.world.check_conservation();
      for (auto& [id, push] : pushes)
        if (now.ok(push)) answered[id.first].insert(id.second);
      now.collect(came);
      now.kill();
    }
    Process last(disk, 1 + rng.below(3), rng.next(), 2s);
    last.world.advance(10s);
    last.collect(came);
    for (auto& [trace, spans] : answered)
      for (int span : spans) REQUIRE_MESSAGE(came[trace].contains(span), trace, "/", span, " is lost");
    last.world.stop();
  }
}
