#include <doctest/doctest.h>

#include "components/processors/tail_sampling/testing.h"

using namespace weir;
using namespace weir::processors::tail_sampling;
using namespace weir::processors::tail_sampling::testing;

namespace {

// An exporter whose queue is full as long as `full` says so; it takes what comes, as a queue that may not refuse does.
struct Full {
  bool full = false;
};
class FullExporter : public engine::Stage {
 public:
  explicit FullExporter(const Full& state) : state_(state) {}
  void process(otlp::Batch batch, engine::Out& out) override { out.delivered(std::move(batch)); }
  bool congested() const override { return state_.full; }

 private:
  const Full& state_;
};
const engine::Factory full_exporter{.kind = engine::Kind::exporter,
                                    .type = "full",
                                    .summary = "Full when the test says so.",
                                    .signals = {otlp::Signal::traces},
                                    .make_stage = [](const void* config, engine::StageContext&) -> Result<std::unique_ptr<engine::Stage>> {
                                      return std::make_unique<FullExporter>(*static_cast<const Full*>(config));
                                    }};

// Traces of one span with a kilobyte in it, or `size` of them.
otlp::Batch kilobytes(int first, int count, std::size_t size = 1) {
  std::vector<SpanSpec> spans;
  for (int i = 0; i < count; ++i)
    spans.push_back({.trace = static_cast<std::uint8_t>(first + i), .attributes = {{"payload", std::string(1000 * size, 'x')}}});
  return make_traces(spans);
}

}  // namespace

TEST_CASE("short of memory: the oldest are decided early, then there is room again") {
  Fixture f({.decision_wait = 1h, .policies = {share(30)}});
  f.world.host().budget().set_limit(2'000'000);
  for (int i = 0; i < 20; ++i) f.world.push(kilobytes(1 + i * 10, 10, 10));
  f.world.check_conservation();
  CHECK(f.world.host().budget().used() > 2'000'000 / 4 * 3);
  f.world.advance(2s);  // nobody pushes: rounds do it
  Counts kept = f.out();
  CHECK(f.world.host().budget().used() <= 2'000'000 / 4 * 3);
  CHECK(f.world.host().budget().used() > 2'000'000 / 2);  // no more than necessary
  CHECK(f.metric("early_decisions", {{"reason", "memory"}}) > 0);
  for (auto [trace, spans] : kept) CHECK(lucky(static_cast<std::uint8_t>(trace), 30));
  auto newest_decided = static_cast<int>(f.metric("early_decisions", {{"reason", "memory"}}));
  for (int trace = 1; trace <= newest_decided; ++trace) CHECK(kept.contains(trace) == lucky(static_cast<std::uint8_t>(trace), 30));
  f.world.stop();
  CHECK(f.world.host().budget().used() == 0);
}

TEST_CASE("a closed budget is relieved too") {
  Fixture f({.decision_wait = 1h, .policies = {share(30)}});
  f.world.push(kilobytes(1, 100));
  f.world.host().budget().set_closed(true);
  f.world.advance(200ms);
  CHECK(f.metric("early_decisions", {{"reason", "memory"}}) > 0);
  CHECK(f.metric("sampling_traces_on_memory") > 50);  // a part at a time
  f.world.advance(10s);
  CHECK(f.metric("sampling_traces_on_memory") == 0);
  f.world.stop();
}

TEST_CASE("while something behind is full, senders are refused and traces are not decided early") {
  auto state = std::make_shared<Full>();
  Fixture f({.decision_wait = 5s, .policies = {everything()}}, 1, 1, [&](World& world) {
    world.add(full_exporter, "full", state);
    return std::string("full");
  });
  for (int i = 0; i < 10; ++i) f.world.push(kilobytes(1 + i * 8, 8));
  state->full = true;
  f.world.host().budget().set_limit(10'000);
  auto refused = f.world.push(kilobytes(200, 1));
  REQUIRE(f.world.answer(refused));
  REQUIRE(*f.world.answer(refused));
  CHECK((*f.world.answer(refused))->code == Errc::refused);
  f.world.advance(3s);
  CHECK(f.metric("early_decisions") == 0);
  f.world.advance(3s);  // their time is over: they go on, whatever it is like there
  CHECK(f.metric("sampling_traces_on_memory") == 0);
  state->full = false;
  f.world.host().budget().set_limit(10'000'000);
  auto taken = f.world.push(kilobytes(200, 1));
  CHECK_FALSE(*f.world.answer(taken));
  f.world.stop();
}

TEST_CASE("one trace that grows and grows is decided early; its later spans follow, others wait in peace") {
  Fixture f({.decision_wait = 1h, .policies = {errors()}, .early_decision_trace_bytes = 20'000});
  f.world.push(make_traces({{.trace = 9}}));
  f.world.push(make_traces({{.trace = 1, .status = 2}}));
  for (int i = 0; i < 40; ++i) f.world.push(kilobytes(1, 1));
  CHECK(f.metric("early_decisions", {{"reason", "trace_bytes"}}) == 1);
  f.world.advance(200ms);  // forced decisions go on together
  CHECK(f.out() == Counts{{1, 41}});
  for (int i = 0; i < 40; ++i) f.world.push(kilobytes(2, 1));
  CHECK(f.out().empty());
  CHECK(f.dropped(engine::Reason::sampled_out) + f.dropped(engine::Reason::late) == 40);
  CHECK(f.metric("sampling_traces_on_memory") == 1);
  CHECK(f.world.host().budget().used() < Segments::segment_bytes);  // what is gone shares the segment of what waits
  f.world.stop();
}

TEST_CASE("a trace over maximum_trace_size_bytes is dropped whole, what comes later too") {
  Fixture f({.decision_wait = 1s, .policies = {everything()}, .maximum_trace_size_bytes = 3000});
  for (int i = 0; i < 5; ++i) f.world.push(kilobytes(1, 1));
  f.world.push(kilobytes(2, 1));
  f.world.advance(2s);
  CHECK(f.out() == Counts{{2, 1}});
  CHECK(f.metric("traces_dropped_too_large") == 1);
  CHECK(f.dropped(engine::Reason::too_large) == 3);
  CHECK(f.dropped(engine::Reason::late) == 2);
  f.world.stop();
}

TEST_CASE("num_traces is for all cores together, whatever the hash does") {
  for (std::size_t cores : {1, 2, 8}) {
    Fixture f({.decision_wait = 1h, .num_traces = 100, .policies = {everything()}}, cores);
    for (int i = 0; i < 10; ++i) f.world.push(kilobytes(1 + i * 10, 10), static_cast<std::size_t>(i) % cores);
    CHECK(f.metric("early_decisions") == 0);
    for (int i = 10; i < 20; ++i) f.world.push(kilobytes(1 + i * 10, 10), static_cast<std::size_t>(i) % cores);
    CHECK(f.metric("early_decisions", {{"reason", "num_traces"}}) == 100);
    CHECK(f.metric("sampling_traces_on_memory") == 100);
    f.world.advance(200ms);
    CHECK(f.out().size() == 100);
    f.world.stop();
  }
}

TEST_CASE("decisions that num_traces forces go on together, not one by one") {
  Fixture f({.decision_wait = 1h, .num_traces = 10, .policies = {everything()}});
  for (int i = 0; i < 10; ++i) f.world.push(kilobytes(1 + i, 1));
  for (int i = 0; i < 200; ++i) f.world.push(kilobytes(11 + i, 1));
  f.world.check_conservation();
  f.world.advance(200ms);
  auto requests = f.world.take();
  CHECK(requests.size() <= 3);
  std::size_t spans = 0;
  for (auto& one : requests) spans += one.batch->items();
  CHECK(spans == 200);
  f.world.stop();
}

TEST_CASE("a large trace goes on in several requests, all of it") {
  Fixture f({.decision_wait = 1s, .policies = {everything()}});
  for (int i = 0; i < 50; ++i) f.world.push(make_traces({{.trace = 1, .attributes = {{"payload", std::string(100'000, 'x')}}}}));
  f.world.advance(2s);
  auto requests = f.world.take();
  CHECK(requests.size() > 1);
  std::size_t spans = 0;
  for (auto& one : requests) spans += one.batch->items();
  CHECK(spans == 50);
  requests.clear();
  f.world.check_conservation();
  f.world.stop();
  CHECK(f.world.host().budget().used() == 0);
}

TEST_CASE("block_on_overflow refuses instead, and answers again once traces are decided") {
  Fixture f({.decision_wait = 2s, .num_traces = 5, .policies = {everything()}, .block_on_overflow = true});
  f.world.push(kilobytes(1, 5));
  auto refused = f.world.push(kilobytes(6, 1));
  CHECK(*f.world.answer(refused));
  CHECK(f.metric("early_decisions") == 0);
  f.world.advance(3s);
  auto taken = f.world.push(kilobytes(6, 1));
  CHECK_FALSE(*f.world.answer(taken));
  f.world.stop();
  CHECK(f.out().size() == 6);
}

TEST_CASE("decisions are forgotten one by one, those still asked for last") {
  Fixture f({.decision_wait = 1s, .policies = {errors()}, .decision_cache = {.sampled_cache_size = 3, .non_sampled_cache_size = 3}});
  auto decide = [&](std::uint8_t trace) {
    f.world.push(make_traces({{.trace = trace, .status = 2}}));
    f.world.advance(2s);
    f.out();
  };
  for (std::uint8_t trace : {1, 2, 3}) decide(trace);
  f.world.push(make_traces({{.trace = 1, .span = 2}}));  // keeps its decision alive
  CHECK(f.out() == Counts{{1, 1}});
  for (std::uint8_t trace : {4, 5}) decide(trace);
  f.world.push(make_traces({{.trace = 1, .span = 3}, {.trace = 2, .span = 2}}));
  CHECK(f.out() == Counts{{1, 1}});
  CHECK(f.metric("sampling_traces_on_memory") == 1);  // 2 is new again
  f.world.stop();
}
