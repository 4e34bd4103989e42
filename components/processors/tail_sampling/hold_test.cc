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
  Process(io::MemoryFs& left, std::size_t cores, std::uint64_t seed = 1, Duration wait = 10s, Policy policy = everything()) : disk(left), world(cores, seed) {
    static const engine::Factory tail = factory();
    world.host().fs() = disk.copy();
    world.add(tail, "tail_sampling", std::make_shared<Config>(Config{.decision_wait = wait, .policies = {policy}}));
    world.pipeline("traces", otlp::Signal::traces, {"source"}, {"tail_sampling"}, {"sink"});
    world.start();
  }
  std::size_t push(int trace, int span, std::size_t core = 0, int status = 0) {
    auto number = world.push(make_traces({{.trace = static_cast<std::uint8_t>(trace), .span = static_cast<std::uint8_t>(span), .status = status}}), core);
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

TEST_CASE("late spans follow what an earlier process decided on their trace, on any number of cores") {
  for (std::size_t cores : {1u, 2u, 3u})
    for (bool orderly : {true, false}) {
      CAPTURE(cores);
      CAPTURE(orderly);
      io::MemoryFs disk;
      std::map<int, std::set<int>> spans;
      {
        Process first(disk, 2, 1, 2s, errors());
        for (int trace = 1; trace <= 40; ++trace) first.push(trace, 1, 0, trace % 2 ? 2 : 0);
        first.world.advance(4s);
        first.collect(spans);
        CHECK(spans.size() == 20);
        if (orderly) first.world.stop();
        first.kill();
      }
      // Several restarts later as well.
      {
        Process second(disk, 2, 2, 2s, errors());
        second.world.advance(1s);
        second.kill();
      }
      Process third(disk, cores, 3, 2s, errors());
      third.world.advance(1s);
      spans.clear();
      for (int trace = 1; trace <= 40; ++trace) third.push(trace, 2, 0, trace % 2 ? 0 : 2);
      third.world.advance(300ms);
      third.collect(spans);
      CHECK(spans.size() == 20);
      for (auto& [trace, seen] : spans) CHECK(trace % 2 == 1);
      third.world.advance(5s);
      spans.clear();
      third.collect(spans);
      CHECK(spans.empty());
      third.world.check_conservation();
      third.world.stop();
    }
}

TEST_CASE("a stage that cannot write leaves what it got on the disk of the stage in front") {
  io::MemoryFs disk;
  static const engine::Factory tail = factory();
  auto build = [&](World& world) {
    world.host().fs() = disk.copy();
    for (auto* id : {"tail_sampling/one", "tail_sampling/two"}) world.add(tail, id, std::make_shared<Config>(Config{.decision_wait = 1s, .policies = {everything()}}));
    world.pipeline("traces", otlp::Signal::traces, {"source"}, {"tail_sampling/one", "tail_sampling/two"}, {"sink"});
    world.start();
  };
  {
    World first(2, 1);
    build(first);
    first.host().fs().fault = [](std::string_view operation, const std::string& path) {
      return operation == "write" && path.find("two") != path.npos && path.find("decisions") == path.npos ? 28 : 0;
    };
    auto push = first.push(make_traces({{.name = "kept"}}));
    first.advance(1300ms);
    REQUIRE(first.answer(push));
    CHECK_FALSE(*first.answer(push));
    disk = first.host().fs().copy();
    first.advance(3s);
    CHECK(first.take().size() == 1);  // it goes on from memory
    first.host().fs().fault = nullptr;
    first.stop();
  }
  World second(1, 1);
  build(second);
  second.advance(5s);
  CHECK(second.take().size() == 1);
  second.stop();
}

TEST_CASE("of decisions as many are kept on disk as are remembered") {
  io::MemoryFs disk;
  static const engine::Factory tail = factory();
  World world(1, 1);
  world.add(tail, "tail_sampling", std::make_shared<Config>(Config{.decision_wait = 1s, .num_traces = 100, .policies = {everything()}}));
  world.pipeline("traces", otlp::Signal::traces, {"source"}, {"tail_sampling"}, {"sink"});
  world.start();
  auto on_disk = [&] {
    std::size_t bytes = 0;
    for (auto& path : world.host().fs().paths())
      if (path.find("/decisions/") != path.npos && path.ends_with(".seg")) bytes += world.host().fs().content(path)->size();
    return bytes;
  };
  otlp::TraceId id;
  for (int round = 0; round < 400; ++round) {
    std::string spans;
    for (int i = 0; i < 500; ++i) {
      std::uint64_t number = static_cast<std::uint64_t>(round) * 1000 + static_cast<std::uint64_t>(i) + 1;
      std::memcpy(id.bytes.data(), &number, sizeof number);
      spans += std::string("\x12\x12\x0a\x10", 4) + std::string(id.view());
    }
    otlp::Writer request;
    std::size_t outer = request.size(), inner = request.size();
    request.raw(spans);
    request.close(2, inner);
    request.close(1, outer);
    world.push(otlp::Batch::parse(otlp::Signal::traces, Bytes::copy_of(request.view())).value());
    world.advance(200ms);
    world.take();
  }
  world.advance(3s);
  CHECK(on_disk() > 100 * 17);
  CHECK(on_disk() < 3 * 1024 * 1024);  // of 200,000 decisions: 3.4 MB
  world.stop();
}

namespace {

// More than the budget has room for waits; everything counts.
struct Crowd {
  explicit Crowd(std::size_t core_count, Policy policy, io::MemoryFs* left = nullptr, Duration slowest_disk = 0s) : cores(core_count), world(core_count, 1) {
    static const engine::Factory tail = factory();
    if (left) world.host().fs() = left->copy();
    if (slowest_disk > 0s) world.host().use(world.simulation().workers(slowest_disk));
    world.host().budget().set_limit(limit);
    world.add(tail, "tail_sampling", std::make_shared<Config>(Config{.decision_wait = 30s, .policies = {policy}}));
    world.pipeline("traces", otlp::Signal::traces, {"source"}, {"tail_sampling"}, {"sink"});
    world.start();
  }
  // Of 2 KiB each; every other one has an error. How many were taken.
  std::size_t push(int first, int last) {
    std::size_t taken = 0;
    for (int i = first; i <= last; i += 10) {
      std::vector<SpanSpec> specs;
      for (int trace = i; trace < i + 10; ++trace)
        specs.push_back({.trace = static_cast<std::uint8_t>(trace % 251), .name = fmt::format("{} {}", trace, std::string(2000, 'x')), .status = trace % 2 ? 2 : 0});
      auto batch = make_traces(specs);
      int number = i;
      for (auto& group : batch.groups())
        for (auto& scope : group.scopes)
          for (auto& item : scope.items) {
            auto& span = item.edit<otlp::Span>(batch.arena());
            std::memcpy(span.trace_id.bytes.data(), &number, sizeof number);
            ++number;
          }
      auto push = world.push(std::move(batch), static_cast<std::size_t>(i) % 2 % cores);
      world.advance(10ms);
      most = std::max(most, world.host().budget().used());
      taken += world.answer(push) && !*world.answer(push) ? 10 : 0;
    }
    return taken;
  }

  std::size_t collect() {
    std::size_t spans = 0;
    for (auto& arrived : world.take()) {
      spans += arrived.batch->items();
      for (auto& group : arrived.batch->groups())
        for (auto& scope : group.scopes)
          for (auto& item : scope.items) {
            auto& span = item.read<otlp::Span>(arrived.batch->arena());
            int number = 0;
            std::memcpy(&number, span.trace_id.bytes.data(), sizeof number);
            CHECK(span.name.starts_with(fmt::format("{} xxx", number)));
          }
    }
    return spans;
  }
  double metric(std::string_view name) {
    double sum = 0;
    for (auto& family : world.host().metrics().collect())
      if (family.name == name)
        for (auto& sample : family.samples) sum += sample.value;
    return sum;
  }

  static constexpr std::size_t limit = 4 << 20;
  const std::size_t cores;
  std::size_t most = 0;
  World world;
};

}  // namespace

TEST_CASE("what waits goes to disk before anything is decided early or refused, and comes back when it is kept") {
  for (std::size_t cores : {1u, 2u}) {
    CAPTURE(cores);
    Crowd crowd(cores, errors());
    CHECK(crowd.push(1, 6000) == 6000);  // 12 MB
    crowd.world.check_conservation();
    CHECK(crowd.metric("weir_tail_sampling_spilled_bytes") > 5e6);
    CHECK(crowd.most < Crowd::limit);
    CHECK(crowd.collect() == 0);
    crowd.world.advance(40s);
    CHECK(crowd.collect() == 3000);
    CHECK(crowd.world.host().budget().used() < 1 << 20);
    crowd.world.check_conservation();
    crowd.world.stop();
  }
}

TEST_CASE("spilled traces: a shutdown passes them on, a kill leaves all to the next process") {
  io::MemoryFs disk;
  {
    Crowd crowd(1, everything());
    CHECK(crowd.push(1, 4000) == 4000);
    CHECK(crowd.collect() == 0);
    disk = crowd.world.host().fs().copy();
    crowd.world.stop();
    CHECK(crowd.collect() == 4000);
  }
  Crowd next(2, everything(), &disk);
  next.world.advance(40s);
  CHECK(next.collect() == 4000);
  next.world.check_conservation();
  next.world.stop();
}

TEST_CASE("spilled traces: what a hurried shutdown has not read back stays for the next process, and is counted") {
  io::MemoryFs disk;
  std::size_t came = 0;
  {
    Crowd crowd(1, everything(), nullptr, 100ms);
    crowd.push(1, 4000);
    crowd.world.advance(5s);
    crowd.world.stop(50ms);  // looks at the ledger
    came = crowd.collect();
    CHECK(came < 3000);
    disk = crowd.world.host().fs().copy();
  }
  Crowd next(2, everything(), &disk);
  next.world.advance(60s);
  CHECK(came + next.collect() >= 4000);
  next.world.stop();
}

TEST_CASE("spilled traces: what cannot be read back comes after the next start, and nothing else does") {
  io::MemoryFs disk;
  std::size_t came = 0;
  {
    Crowd crowd(1, everything());
    CHECK(crowd.push(1, 4000) == 4000);
    auto flip = [&] {
      for (auto& path : crowd.world.host().fs().paths())
        if (path.find("/held/") != path.npos && path.find("/decisions/") == path.npos && path.ends_with(".seg")) crowd.world.host().fs().flip_bit(path, 12345);
    };
    flip();
    crowd.world.advance(40s);
    came = crowd.collect();
    CHECK(came < 4000);
    CHECK(came >= 3990);
    CHECK(crowd.metric("weir_tail_sampling_fetch_failures") > 0);
    crowd.world.check_conservation();
    flip();
    crowd.world.stop();
    disk = crowd.world.host().fs().copy();
  }
  Crowd next(1, everything(), &disk);
  next.world.advance(40s);
  std::size_t again = next.collect();
  CHECK(again >= 4000 - came);
  CHECK(again <= 10);
  next.world.stop();
}

TEST_CASE("spilled traces: spans of several batches and resources come back whole") {
  for (std::size_t cores : {1u, 3u}) {
    io::MemoryFs disk;
    Process process(disk, cores, 7, 30s);
    process.world.host().budget().set_limit(256 * 1024);
    std::map<int, std::set<int>> sent;
    Rng rng(5);
    for (int push = 0; push < 150; ++push) {
      std::vector<SpanSpec> specs;
      for (int i = 0; i < 8; ++i) {
        int trace = static_cast<int>(rng.below(40)) + 1, span = static_cast<int>(rng.below(250)) + 1;
        if (!sent[trace].insert(span).second) continue;
        specs.push_back({.trace = static_cast<std::uint8_t>(trace), .span = static_cast<std::uint8_t>(span), .name = std::string(rng.below(300), 'n'), .service = rng.chance(0.5) ? "one" : "two"});
      }
      if (specs.empty()) continue;
      auto number = process.world.push(make_traces(specs), rng.below(cores));
      process.world.advance(15ms);
      REQUIRE(process.ok(number));
    }
    process.world.advance(60s);
    std::map<int, std::set<int>> came;
    process.collect(came);
    CHECK(came == sent);
    double fetched = 0;
    for (auto& family : process.world.host().metrics().collect())
      if (family.name == "weir_tail_sampling_fetched_bytes")
        for (auto& sample : family.samples) fetched += sample.value;
    CHECK(fetched > 10'000);
    process.world.check_conservation();
    process.world.stop();
  }
}

TEST_CASE("decisions: bytes and back, or nothing") {
  std::vector<decisions::Decision> made(3);
  for (std::size_t i = 0; i < made.size(); ++i) made[i].id.bytes[0] = static_cast<unsigned char>(i + 1), made[i].kept = i == 1;
  std::string bytes = encode_decisions(made);
  auto got = decode_decisions(bytes);
  REQUIRE(got.size() == 3);
  for (std::size_t i = 0; i < made.size(); ++i) {
    CHECK(got[i].id == made[i].id);
    CHECK(got[i].kept == made[i].kept);
  }
  CHECK(decode_decisions(std::string_view(bytes).substr(1)).empty());
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

TEST_CASE("what leaves as soon as it is written does not come again") {
  auto next_gets = [](io::MemoryFs& disk) {
    Process next(disk, 1);
    next.world.advance(15s);
    std::map<int, std::set<int>> spans;
    next.collect(spans);
    next.world.stop();
    return spans.size();
  };
  SUBCASE("late spans, when nothing else comes") {
    io::MemoryFs disk;
    Process process(disk, 1, 1, 2s);
    process.push(1, 1);
    process.world.advance(4s);
    process.push(1, 2);
    process.world.advance(2s);
    std::map<int, std::set<int>> spans;
    process.collect(spans);
    CHECK(spans[1] == std::set<int>{1, 2});
    process.kill();
    CHECK(next_gets(disk) == 0);
  }
  SUBCASE("spans whose write ends during a shutdown, which does not wait for its time-out") {
    io::MemoryFs disk;
    Process process(disk, 1);
    process.push(1, 1);
    TimePoint begun = process.world.simulation().core(0).now();
    auto& simulation = process.world.simulation();
    bool stopped = false;
    process.world.engine().stop(30s, [&] { stopped = true; });
    simulation.run_until([&] { return stopped; }, 60s);
    REQUIRE(stopped);
    CHECK(simulation.core(0).now() - begun < 5s);
    std::map<int, std::set<int>> spans;
    process.collect(spans);
    CHECK(spans.size() == 1);
    process.kill();
    CHECK(next_gets(disk) == 0);
  }
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
