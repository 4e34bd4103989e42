#include <doctest/doctest.h>

#include "engine/life.h"
#include "engine/testing.h"

using namespace weir;
using namespace weir::engine;
using namespace weir::engine::testing;

namespace {

// What a test knows of a component's stages over all lives; also its settings: another object is other settings.
struct Probe {
  int made = 0, destroyed = 0, drained = 0, abandoned = 0;
  bool lets_go = true;        // drain() passes on what is held
  bool fails_to_make = false, fails_to_start = false;
  std::uint16_t failing_core = 0;
  Intake* intake = nullptr;  // of the receiver made last
  int number = 0;
  std::vector<std::shared_ptr<int>> shared;  // by the stages of one life
};

// Holds everything until it is drained.
class Keeper : public Stage {
 public:
  explicit Keeper(Probe& probe) : probe_(probe) {}
  ~Keeper() override { ++probe_.destroyed; }
  void process(Batch batch, Out& out) override {
    out.accept(batch);
    held_.push_back(std::move(batch));
  }
  void drain(Out& out) override {
    ++probe_.drained;
    if (!probe_.lets_go) return;
    for (Batch& batch : std::exchange(held_, {})) out.push(std::move(batch));
  }
  bool idle() const override { return held_.empty(); }
  void abandon(Out& out) override {
    ++probe_.abandoned;
    for (Batch& batch : std::exchange(held_, {})) out.drop(std::move(batch), Reason::shutdown);
  }
  std::size_t held() const override {
    std::size_t n = 0;
    for (auto& batch : held_) n += batch.items();
    return n;
  }

 private:
  Probe& probe_;
  std::vector<Batch> held_;
};

Probe& probe_of(const void* config) { return *static_cast<Probe*>(const_cast<void*>(config)); }

Result<> may_begin(Probe& probe, bool fails, std::uint16_t core) {
  if (fails && core == probe.failing_core) return fail(Errc::config, "told to fail");
  return {};
}

class FailingStart : public Keeper {
 public:
  FailingStart(Probe& probe, std::uint16_t core) : Keeper(probe), probe_(probe), core_(core) {}
  Result<> start(Out&) override { return may_begin(probe_, probe_.fails_to_start, core_); }

 private:
  Probe& probe_;
  std::uint16_t core_;
};

const Factory keeper_factory{.kind = Kind::processor,
                             .type = "keeper",
                             .signals = {Signal::traces},
                             .key = [](const void*, Signal) -> Key { return Key::trace_id; },
                             .make_stage = [](const void* config, StageContext& context) -> Result<std::unique_ptr<Stage>> {
                               Probe& probe = probe_of(config);
                               ++probe.made;
                               probe.shared.push_back(life_state<int>(context, "number"));
                               WEIR_TRY(may_begin(probe, probe.fails_to_make, context.shard));
                               return std::make_unique<FailingStart>(probe, context.shard);
                             }};

class TestReceiver : public Receiver {
 public:
  TestReceiver(Probe& probe, std::uint16_t core) : probe_(probe), core_(core) {}
  ~TestReceiver() override { ++probe_.destroyed; }
  Result<> start() override { return may_begin(probe_, probe_.fails_to_start, core_); }
  void stop(io::Task done) override {
    ++probe_.drained;
    done();
  }

 private:
  Probe& probe_;
  std::uint16_t core_;
};

const Factory receiver_factory{.kind = Kind::receiver,
                               .type = "test",
                               .signals = {Signal::traces},
                               .make_receiver = [](const void* config, ReceiverContext& context) -> Result<std::unique_ptr<Receiver>> {
                                 Probe& probe = probe_of(config);
                                 ++probe.made;
                                 probe.intake = &context.intake;
                                 WEIR_TRY(may_begin(probe, probe.fails_to_make, context.shard));
                                 return std::make_unique<TestReceiver>(probe, context.shard);
                               }};

std::size_t items(const std::vector<Arrived>& arrived) {
  std::size_t n = 0;
  for (auto& a : arrived) n += a.batch->items();
  return n;
}

Batch some_traces(int traces) {
  std::vector<SpanSpec> specs;
  for (int t = 1; t <= traces; ++t) specs.push_back({.trace = static_cast<std::uint8_t>(t)});
  return make_traces(specs);
}

LedgerRow row(World& world, std::string_view component) {
  for (auto& row : world.engine().ledger(true))
    if (row.component == component) return row;
  return {};
}

// A world whose pipeline keeps traces.
struct Kept {
  std::shared_ptr<Probe> probe = std::make_shared<Probe>();  // also the engine's, as settings
  World world;

  explicit Kept(std::size_t cores, std::uint64_t seed = 1) : world(cores, seed) {
    world.add(keeper_factory, "keeper", probe);
    world.pipeline("traces", Signal::traces, {"source"}, {"keeper"}, {"sink"});
    world.start();
  }
  // The same plan with another keeper.
  std::shared_ptr<Probe> other_keeper() {
    auto fresh = std::make_shared<Probe>();
    world.add(keeper_factory, "keeper", fresh);
    return fresh;
  }
};

}  // namespace

TEST_CASE("reload: what is unchanged goes on with what it holds, whatever is added around it") {
  Kept kept(3);
  World& world = kept.world;
  world.push(some_traces(50));
  world.pipeline("traces/more", Signal::traces, {"source"}, {}, {"sink/more"});
  REQUIRE(world.reload());
  CHECK(kept.probe->made == 3);
  CHECK(kept.probe->drained == 0);
  CHECK(items(world.take()) == 0);
  CHECK(row(world, "keeper (traces)").in == 50);
  CHECK(row(world, "keeper (traces)").held == 50);
  world.push(some_traces(10), 2);
  CHECK(items(world.take("sink/more")) == 10);
  CHECK(row(world, "keeper (traces)").held == 60);
  world.check_conservation();
  world.stop();
  CHECK(items(world.take()) == 60);
}

TEST_CASE("reload: what is changed is drained through, the new one begins anew, sums go on") {
  Kept kept(3);
  World& world = kept.world;
  world.push(some_traces(50));
  auto fresh = kept.other_keeper();
  REQUIRE(world.reload());
  world.push(some_traces(5));
  world.advance(1s);
  CHECK_FALSE(world.engine().departing());
  CHECK(items(world.take()) == 50);
  CHECK(kept.probe->destroyed == 3);
  CHECK(fresh->made == 3);
  CHECK(fresh->drained == 0);
  CHECK(row(world, "keeper (traces)").in == 55);
  CHECK(row(world, "keeper (traces)").out == 50);
  CHECK(row(world, "keeper (traces)").held == 5);
  world.check_conservation();
  world.stop();
  CHECK(items(world.take()) == 5);
}

TEST_CASE("reload: shared state is that of one life") {
  Kept kept(2);
  auto fresh = kept.other_keeper();
  REQUIRE(kept.world.reload());
  CHECK(kept.probe->shared[0] == kept.probe->shared[1]);
  CHECK(fresh->shared[0] == fresh->shared[1]);
  CHECK(fresh->shared[0] != kept.probe->shared[0]);
}

TEST_CASE("reload: a failure at any step leaves the old plan as it was") {
  for (std::uint16_t cores : {1, 3})
    for (std::uint16_t failing = 0; failing < cores; ++failing)
      for (bool receiver : {false, true})
        for (bool at_start : {false, true}) {
          CAPTURE(cores);
          CAPTURE(failing);
          CAPTURE(receiver);
          CAPTURE(at_start);
          Kept kept(cores, failing + 1);
          World& world = kept.world;
          world.push(some_traces(20));
          auto bad = std::make_shared<Probe>();
          (at_start ? bad->fails_to_start : bad->fails_to_make) = true;
          bad->failing_core = failing;
          auto fresh = kept.other_keeper();  // behind what fails
          world.add(receiver ? receiver_factory : keeper_factory, receiver ? "test/bad" : "keeper/bad", bad);
          world.clear_pipelines();
          world.pipeline("traces", Signal::traces, receiver ? std::vector<std::string>{"source", "test/bad"} : std::vector<std::string>{"source"},
                         receiver ? std::vector<std::string>{"keeper"} : std::vector<std::string>{"keeper/bad", "keeper"}, {"sink"});
          auto reloaded = world.reload();
          REQUIRE_FALSE(reloaded);
          CHECK(reloaded.error().what.ends_with("told to fail"));
          world.advance(2s);
          CHECK_FALSE(world.engine().departing());
          CHECK(fresh->destroyed == fresh->made);
          CHECK(kept.probe->destroyed == 0);
          CHECK(kept.probe->drained == 0);
          world.push(some_traces(20));
          CHECK(row(world, "keeper (traces)").held == 40);
          world.check_conservation();
          // The same with nothing wrong is taken.
          bad->fails_to_make = bad->fails_to_start = false;
          REQUIRE(world.reload());
          world.stop();
          CHECK(items(world.take()) == 40);
        }
}

TEST_CASE("reload: a component that is told something else at its start is made anew") {
  Kept kept(1);
  auto probe = std::make_shared<Probe>();
  kept.world.add(keeper_factory, "keeper/2", probe);
  kept.world.pipeline("traces/2", Signal::traces, {"source"}, {"keeper/2", "keeper"}, {"sink"});
  REQUIRE(kept.world.reload());
  CHECK(kept.probe->made == 2);  // one more stage of the same life, in the other pipeline
  CHECK(kept.probe->destroyed == 0);
  CHECK(kept.probe->shared[0] == kept.probe->shared[1]);
}

TEST_CASE("reload: what leaves has its time behind the new plan, and its loss is counted") {
  Kept kept(2);
  World& world = kept.world;
  kept.probe->lets_go = false;
  world.push(some_traces(50));
  kept.other_keeper();
  REQUIRE(world.reload(10s));
  world.advance(9s);
  CHECK(world.engine().departing());
  CHECK(row(world, "keeper (traces)").held == 50);
  auto push = world.push(some_traces(5));
  REQUIRE(world.answer(push));
  CHECK_FALSE(*world.answer(push));
  world.advance(2s);
  CHECK_FALSE(world.engine().departing());
  CHECK(row(world, "keeper (traces)").dropped[static_cast<std::size_t>(Reason::shutdown)] == 50);
  world.check_conservation();
  world.stop();
  CHECK(items(world.take()) == 5);
}

TEST_CASE("reload: several at once, and a stop in the middle of them") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Kept kept(3, seed);
    World& world = kept.world;
    std::size_t sent = 0;
    std::vector<std::shared_ptr<Probe>> lives = {kept.probe};
    for (int i = 0; i < 5; ++i) {
      lives.back()->lets_go = world.simulation().rng().chance(0.5);
      world.push(some_traces(20), world.simulation().rng().below(3));
      sent += 20;
      lives.push_back(kept.other_keeper());
      REQUIRE(world.reload(3s));
      world.advance(Duration(static_cast<std::int64_t>(world.simulation().rng().below(2'000'000'000))));
      world.check_conservation();
    }
    world.push(some_traces(20));
    sent += 20;
    bool stopped = false;
    world.simulation().core(0).post([&] { world.engine().stop(1s, [&] { stopped = true; }); });
    world.simulation().run_until([&] { return stopped; }, 60s);
    REQUIRE(stopped);
    CHECK(items(world.take()) + row(world, "keeper (traces)").dropped[static_cast<std::size_t>(Reason::shutdown)] == sent);
    for (auto& life : lives) CHECK(life->destroyed == life->made);
  }
}

// Lets go of what it holds some time after it was told to, as a stage does whose data is on disk.
class SlowKeeper : public Keeper {
 public:
  using Keeper::Keeper;
  void drain(Out& out) override { out.wake_at(out.now() + 500ms); }
  void tick(TimePoint, Out& out) override { Keeper::drain(out); }
};

const Factory slow_factory{.kind = Kind::processor,
                           .type = "keeper",
                           .signals = {Signal::traces},
                           .key = [](const void*, Signal) -> Key { return Key::trace_id; },
                           .make_stage = [](const void* config, StageContext&) -> Result<std::unique_ptr<Stage>> {
                             return std::make_unique<SlowKeeper>(probe_of(config));
                           }};

TEST_CASE("reload: what leaves takes its time, also when the process stops meanwhile") {
  World world(2, 1);
  world.add(slow_factory, "keeper", std::make_shared<Probe>());
  world.pipeline("traces", Signal::traces, {"source"}, {"keeper"}, {"sink"});
  world.start();
  world.push(some_traces(20));
  world.add(slow_factory, "keeper", std::make_shared<Probe>());
  REQUIRE(world.reload(10s));
  world.advance(100ms);
  world.stop();
  CHECK(items(world.take()) == 20);
}

// A sink that answers when the test says so.
struct Late : Probe {
  std::vector<Batch> held;
  Out* out = nullptr;
};

class LateSink : public Stage {
 public:
  explicit LateSink(Late& late) : late_(late) {}
  Result<> start(Out& out) override {
    late_.out = &out;
    return {};
  }
  void process(Batch batch, Out&) override { late_.held.push_back(std::move(batch)); }
  std::size_t held() const override { return late_.held.size(); }
  void abandon(Out& out) override {
    for (Batch& batch : std::exchange(late_.held, {})) out.refuse(std::move(batch), {Errc::retryable, "shutting down", {}});
  }

 private:
  Late& late_;
};

const Factory late_factory{.kind = Kind::exporter,
                           .type = "late",
                           .signals = {Signal::traces},
                           .make_stage = [](const void* config, StageContext&) -> Result<std::unique_ptr<Stage>> {
                             return std::make_unique<LateSink>(*static_cast<Late*>(const_cast<void*>(config)));
                           }};

TEST_CASE("reload: a receiver is there until its last request is answered") {
  auto late = std::make_shared<Late>();
  auto probe = std::make_shared<Probe>();
  World world(1, 5);
  world.add(receiver_factory, "test", probe);
  world.add(late_factory, "late", late);
  world.pipeline("traces", Signal::traces, {"source", "test"}, {}, {"late"});
  world.start();
  std::optional<Outcome> answer;
  auto* intake = probe->intake;
  world.simulation().core(0).post([&] { intake->push(some_traces(3), "test", [&](Outcome outcome) { answer = std::move(outcome); }); });
  world.advance(1ms);
  world.clear_pipelines();
  world.pipeline("traces", Signal::traces, {"source"}, {}, {"late"});
  REQUIRE(world.reload(1s));
  world.advance(1min);
  CHECK(probe->drained == 1);
  CHECK(probe->destroyed == 0);  // its request is still with the exporter, which goes on
  CHECK_FALSE(answer);
  for (Batch& batch : std::exchange(late->held, {})) late->out->delivered(std::move(batch));
  world.advance(1s);
  REQUIRE(answer);
  CHECK_FALSE(*answer);
  CHECK(probe->destroyed == 1);
  world.stop();
}

// Notes what happens to receivers of this type, which fetch for themselves.
std::vector<std::string> fetching;

class Fetcher : public Receiver, public Begins {
 public:
  Fetcher(Probe& probe, io::Executor& executor) : probe_(probe), executor_(executor) {}
  Result<> start() override { return may_begin(probe_, probe_.fails_to_start, 0); }
  void begin() override { fetching.push_back(fmt::format("begin {}", probe_.number)); }
  void stop(io::Task done) override {
    executor_.at(executor_.now() + 2s, [this, done = std::move(done)]() mutable {
      fetching.push_back(fmt::format("stopped {}", probe_.number));
      done();
    });
  }

 private:
  Probe& probe_;
  io::Executor& executor_;
};

const Factory fetcher_factory{.kind = Kind::receiver,
                              .type = "fetcher",
                              .signals = {Signal::traces},
                              .make_receiver = [](const void* config, ReceiverContext& context) -> Result<std::unique_ptr<Receiver>> {
                                return std::make_unique<Fetcher>(probe_of(config), context.executor);
                              }};

TEST_CASE("reload: a receiver that fetches begins when the one before has stopped") {
  fetching.clear();
  auto numbered = [](int number, bool fails = false) {
    auto probe = std::make_shared<Probe>();
    probe->number = number;
    probe->fails_to_start = fails;
    return probe;
  };
  World world(1, 5);
  world.add(fetcher_factory, "fetcher", numbered(1));
  world.pipeline("traces", Signal::traces, {"source", "fetcher"}, {}, {"sink"});
  world.start();
  world.advance(1s);
  CHECK(fetching == std::vector<std::string>{"begin 1"});
  world.add(fetcher_factory, "fetcher", numbered(2, true));
  CHECK_FALSE(world.reload());
  world.advance(5s);
  CHECK(fetching == std::vector<std::string>{"begin 1"});
  world.add(fetcher_factory, "fetcher", numbered(3));
  CHECK(world.reload());
  CHECK(fetching == std::vector<std::string>{"begin 1"});
  world.advance(5s);
  CHECK(fetching == std::vector<std::string>{"begin 1", "stopped 1", "begin 3"});
  world.stop();
}
