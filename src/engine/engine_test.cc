#include "engine/engine.h"

#include <doctest/doctest.h>

#include <future>
#include <latch>
#include <thread>

#include "engine/testing.h"
#include "io/loop.h"

using namespace weir;
using namespace weir::engine;
using namespace weir::engine::testing;

namespace {

// Counts the spans of each trace it sees; passes them on.
class CountPerTrace : public Stage {
 public:
  void process(Batch batch, Out& out) override {
    for (auto& group : batch.groups())
      for (auto& scope : group.scopes)
        for (auto& item : scope.items) ++seen[otlp::peek_trace_id(Signal::traces, item.raw)];
    out.push(std::move(batch));
  }
  std::map<otlp::TraceId, int> seen;
};

// Holds everything until a timer or drain.
class Hold : public Stage {
 public:
  void process(Batch batch, Out& out) override {
    out.accept(batch);
    held_.push_back(std::move(batch));
    out.wake_at(out.now() + 1s);
  }
  void tick(TimePoint, Out& out) override { drain(out); }
  void drain(Out& out) override {
    for (Batch& batch : std::exchange(held_, {})) out.push(std::move(batch));
  }
  std::size_t held() const override {
    std::size_t n = 0;
    for (auto& batch : held_) n += batch.items();
    return n;
  }

 private:
  std::vector<Batch> held_;
};

std::vector<CountPerTrace*> counters;

const Factory count_factory{.kind = Kind::processor,
                            .type = "count",
                            .signals = {Signal::traces},
                            .key = [](const void*, Signal) -> Key { return Key::trace_id; },
                            .make_stage = [](const void*, StageContext&) -> Result<std::unique_ptr<Stage>> {
                              auto stage = std::make_unique<CountPerTrace>();
                              counters.push_back(stage.get());
                              return stage;
                            }};
const Factory hold_factory{.kind = Kind::processor,
                           .type = "hold",
                           .signals = {Signal::traces},
                           .make_stage = [](const void*, StageContext&) -> Result<std::unique_ptr<Stage>> {
                             return std::make_unique<Hold>();
                           }};

class NoReceiver : public Receiver {
 public:
  Result<> start() override { return {}; }
  void stop(io::Task done) override { done(); }
};

// Both cores are asked at once: the first is idle, and says so only when the other has said that it is busy.
struct Question {
  std::latch asked{1}, answered{1};
  bool waiting = true;  // the second core, until it is asked again
  bool abandoned_while_waiting = false;
};

class Asked : public Stage {
 public:
  Asked(Question& question, const StageContext& context) : question_(question), executor_(context.executor), first_(context.shard == 0) {}
  void process(Batch batch, Out& out) override { out.delivered(std::move(batch)); }
  bool idle() const override {
    bool again = std::exchange(before_, true);
    return first_ ? again || wait_for_the_other() : answer(again);
  }
  void abandon(Out&) override {
    if (!first_) question_.abandoned_while_waiting = question_.waiting;
  }

 private:
  bool wait_for_the_other() const {
    question_.asked.count_down();
    question_.answered.wait();
    return true;
  }
  bool answer(bool again) const {
    question_.waiting = !again;
    if (again) return true;
    question_.asked.wait();
    executor_.post([this] { question_.answered.count_down(); });
    return false;
  }

  Question& question_;
  io::Executor& executor_;
  bool first_;
  mutable bool before_ = false;
};

const Factory no_receiver_factory{.kind = Kind::receiver,
                                  .type = "none",
                                  .signals = {Signal::traces},
                                  .make_receiver = [](const void*, ReceiverContext&) -> Result<std::unique_ptr<Receiver>> {
                                    return std::make_unique<NoReceiver>();
                                  }};
const Factory asked_factory{.kind = Kind::exporter,
                            .type = "asked",
                            .signals = {Signal::traces},
                            .make_stage = [](const void* config, StageContext& context) -> Result<std::unique_ptr<Stage>> {
                              return std::make_unique<Asked>(*static_cast<Question*>(const_cast<void*>(config)), context);
                            }};

std::size_t items(const std::vector<Arrived>& arrived) {
  std::size_t n = 0;
  for (auto& a : arrived) n += a.batch->items();
  return n;
}

Batch some_traces(int traces, int spans) {
  std::vector<SpanSpec> specs;
  for (int t = 1; t <= traces; ++t)
    for (int s = 1; s <= spans; ++s)
      specs.push_back({.trace = static_cast<std::uint8_t>(t), .span = static_cast<std::uint8_t>(s)});
  return make_traces(specs);
}

}  // namespace

TEST_CASE("what goes in comes out and is answered") {
  World world(1, 1);
  world.pipeline("traces", Signal::traces, {"source"}, {}, {"sink"});
  world.start();
  auto push = world.push(some_traces(2, 3));
  REQUIRE(world.answer(push));
  CHECK_FALSE(*world.answer(push));
  CHECK(items(world.take()) == 6);
  world.stop();
}

TEST_CASE("equal keys meet on one core, whatever the number of cores and the interleaving") {
  for (std::size_t cores : {1, 2, 8})
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      CAPTURE(cores);
      CAPTURE(seed);
      counters.clear();
      World world(cores, seed);
      world.add(count_factory, "count", nullptr);
      world.pipeline("traces", Signal::traces, {"source"}, {"count"}, {"sink"});
      world.start();
      for (int i = 0; i < 10; ++i) world.push(some_traces(20, 2), world.simulation().rng().below(cores));
      std::map<otlp::TraceId, int> total;
      for (auto* counter : counters)
        for (auto& [trace, n] : counter->seen) {
          CHECK(total.emplace(trace, n).second);
          CHECK(n == 20);
        }
      CHECK(total.size() == 20);
      CHECK(items(world.take()) == 400);
      world.stop();
    }
}

TEST_CASE("fan-out: each pipeline gets everything, the worst outcome is the answer") {
  World world(2, 7);
  world.pipeline("traces/a", Signal::traces, {"source"}, {}, {"sink/a"});
  world.pipeline("traces/b", Signal::traces, {"source"}, {}, {"sink/b"});
  world.rule("sink/b", [](const Batch&) { return Error{Errc::retryable, "backend away", 2s}; });
  world.start();
  auto push = world.push(some_traces(1, 4));
  CHECK(items(world.take("sink/a")) == 4);
  CHECK(items(world.take("sink/b")) == 0);
  REQUIRE(world.answer(push));
  REQUIRE(*world.answer(push));
  CHECK((*world.answer(push))->what == "backend away");
  world.check_conservation();
  world.stop();
}

TEST_CASE("draining pushes held items through, in order of the plan") {
  World world(2, 3);
  world.add(hold_factory, "hold/a", nullptr);
  world.add(hold_factory, "hold/b", nullptr);
  world.add(count_factory, "count", nullptr);
  world.pipeline("traces", Signal::traces, {"source"}, {"hold/a", "count", "hold/b"}, {"sink"});
  world.start();
  auto push = world.push(some_traces(5, 2), 1);
  REQUIRE(world.answer(push));
  CHECK(items(world.take()) == 0);
  world.check_conservation();
  world.stop();
  CHECK(items(world.take()) == 10);
}

TEST_CASE("a shutdown waits for a core that is busy, whatever another one says at the same moment") {
  auto question = std::make_shared<Question>();  // the plan's too, as the exporter's configuration
  PlanSpec spec;
  spec.receivers.push_back({{"none", ""}, &no_receiver_factory, nullptr, {}});
  spec.exporters.push_back({{"asked", ""}, &asked_factory, question, {}});
  spec.pipelines.push_back({"traces", Signal::traces, {{"none", ""}}, {}, {{"asked", ""}}});
  auto plan = Plan::build(std::move(spec));
  REQUIRE(plan.has_value());
  TestHost host;
  io::Loop first(io::CoreId{0}), second(io::CoreId{1});
  Engine engine(std::move(*plan), {&first, &second}, host, 1);
  std::promise<void> stopped;
  std::thread threads[] = {std::thread([&] { first.run(); }), std::thread([&] { second.run(); })};
  first.post([&] {
    engine.start([&](Result<> started) {
      CHECK(started);
      engine.stop(1h, [&] { stopped.set_value(); });
    });
  });
  stopped.get_future().wait();
  first.stop(), second.stop();
  for (auto& thread : threads) thread.join();
  CHECK_FALSE(question->abandoned_while_waiting);
}

TEST_CASE("timers fire in virtual time") {
  World world(1, 3);
  world.add(hold_factory, "hold", nullptr);
  world.pipeline("traces", Signal::traces, {"source"}, {"hold"}, {"sink"});
  world.start();
  world.push(some_traces(1, 1));
  world.advance(900ms);
  CHECK(items(world.take()) == 0);
  world.advance(200ms);
  CHECK(items(world.take()) == 1);
  world.stop();
}

TEST_CASE("an exchange whose cores are busy refuses, and senders come again") {
  counters.clear();
  World world(2, 5);
  world.add(count_factory, "count", nullptr);
  world.pipeline("traces", Signal::traces, {"source"}, {"count"}, {"sink"});
  world.start();
  world.engine().set_exchange_credit(1000);
  std::vector<std::size_t> pushes = world.push_all(100, [] { return some_traces(4, 2); });
  std::size_t refused = 0, taken = 0;
  for (std::size_t push : pushes) {
    REQUIRE(world.answer(push));
    auto& outcome = *world.answer(push);
    if (outcome) {
      CHECK(outcome->code == Errc::refused);
      CHECK(outcome->retry_after == 1s);
    }
    ++(outcome ? refused : taken);
  }
  CHECK(refused > 0);
  CHECK(items(world.take()) == taken * 8);
  world.check_conservation();
  auto again = world.push(some_traces(4, 2));
  CHECK_FALSE(*world.answer(again));
  world.stop();
}
