// What is let in, and how: whole, in pieces, or not at all.
#include <doctest/doctest.h>

#include "engine/decode.h"
#include "engine/disk_wait.h"
#include "engine/testing.h"
#include "otlp/test_messages.h"

using namespace weir;
using namespace weir::engine;
using namespace weir::engine::testing;

namespace {

// Takes what comes apart, and keeps the parts as long as `holds`.
class Opener : public Stage {
 public:
  struct Settings {
    bool holds = false;
    std::size_t per_item = 0;
    std::size_t refuses_from = SIZE_MAX;  // batches taken
    Key key = Key::none;
  };
  explicit Opener(const Settings& settings) : settings_(settings) {}

  void process(Batch batch, Out& out) override {
    largest = std::max(largest, batch.items());
    if (batch.whole() && taken++ >= settings_.refuses_from) return out.refuse(std::move(batch), {Errc::refused, "full", {}});
    for (auto& group : batch.groups())
      for (auto& scope : group.scopes)
        for (auto& item : scope.items) item.edit<otlp::Span>(batch.arena());
    out.push(std::move(batch));
  }
  std::size_t bytes_per_item() const override { return settings_.per_item; }
  bool refuses(const Out&) const override { return taken >= settings_.refuses_from; }

  static inline std::size_t largest = 0, taken = 0;

 private:
  Settings settings_;
};

const Factory& opener() {
  static const Factory factory{.kind = Kind::processor,
                               .type = "opener",
                               .signals = {Signal::traces},
                               .key = [](const void* config, Signal) { return static_cast<const Opener::Settings*>(config)->key; },
                               .make_stage = [](const void* config, StageContext&) -> Result<std::unique_ptr<Stage>> {
                                 return std::make_unique<Opener>(*static_cast<const Opener::Settings*>(config));
                               }};
  return factory;
}

Batch empty_spans(std::size_t n, World& world) {
  std::string spans;
  for (std::size_t i = 0; i < n; ++i) spans += otlp::field(2, "");
  std::string request = otlp::field(1, otlp::field(2, spans));
  Charge charge = world.host().budget().charge_unchecked(request.size());
  return Batch::parse(Signal::traces, Bytes::take(std::move(request)), std::move(charge)).value();
}

struct Fixture {
  explicit Fixture(Opener::Settings settings = {}, std::size_t cores = 1) : world(cores, 1) {
    Opener::largest = Opener::taken = 0;
    world.add(opener(), "opener", std::make_shared<Opener::Settings>(settings));
    world.pipeline("traces", Signal::traces, {"source"}, {"opener"}, {"sink"});
    world.start();
  }
  std::size_t arrived() {
    std::size_t n = 0;
    for (auto& one : world.take()) n += one.batch->items();
    return n;
  }
  Budget& budget() { return world.host().budget(); }
  World world;
};

}  // namespace

TEST_CASE("intake: what takes much goes in pieces, all of it, and is answered once") {
  Fixture f;
  f.budget().set_limit(16 << 20);
  auto push = f.world.push(empty_spans(60'000, f.world));
  f.world.advance(1s);
  REQUIRE(f.world.answer(push).has_value());
  CHECK_FALSE(*f.world.answer(push));
  CHECK(Opener::largest < 10'000);
  CHECK(f.arrived() == 60'000);
  f.world.check_conservation();
  f.world.stop();
}

TEST_CASE("intake: the next piece waits while much is on its way to the disk") {
  Fixture f;
  f.budget().set_limit(16 << 20);
  auto wait = DiskWait::of(f.world.host());
  std::optional<OnItsWay> much(std::in_place, wait, 100 << 20);
  auto push = f.world.push(empty_spans(60'000, f.world));
  f.world.advance(1s);
  CHECK_FALSE(f.world.answer(push).has_value());
  std::size_t first = f.arrived();
  CHECK(first > 0);  // whether it is taken at all shows at once
  CHECK(first < 10'000);
  much.reset();
  f.world.advance(1s);
  REQUIRE(f.world.answer(push).has_value());
  CHECK_FALSE(*f.world.answer(push));
  CHECK(f.arrived() == 60'000 - first);
  CHECK(wait->bytes == 0);
  f.world.stop();
}

TEST_CASE("intake: others are served between the pieces of a large request") {
  Fixture f;
  f.budget().set_limit(64 << 20);
  std::size_t next = 0;
  auto pushes = f.world.push_all(2, [&] { return empty_spans(next++ == 0 ? 60'000 : 1, f.world); });
  f.world.advance(1s);
  for (auto push : pushes) CHECK_FALSE(f.world.answer(push).value());
  auto batches = f.world.take();
  REQUIRE(batches.size() > 2);
  CHECK(batches[1].batch->items() == 1);
  f.world.stop();
}

TEST_CASE("intake: more than any telemetry takes is refused for good; what finds no room comes again") {
  Fixture f;
  auto bomb = f.world.push(empty_spans(400'000, f.world));
  REQUIRE(f.world.answer(bomb).value());
  CHECK((*f.world.answer(bomb))->code == Errc::too_large);
  f.budget().set_limit(1 << 20);
  Charge held = f.budget().charge_unchecked((1 << 20) - 1000);
  auto later = f.world.push(empty_spans(10, f.world));
  CHECK((*f.world.answer(later))->code == Errc::refused);
  held.release();
  CHECK_FALSE(f.world.answer(f.world.push(empty_spans(10, f.world))).value());
  f.world.stop();
  CHECK(f.arrived() == 10);
}

TEST_CASE("intake: there has to be room for what a stage may come to hold") {
  Fixture f({.per_item = 1000});
  f.budget().set_limit(4 << 20);
  CHECK((*f.world.answer(f.world.push(empty_spans(6000, f.world))))->code == Errc::too_large);
  CHECK_FALSE(f.world.answer(f.world.push(empty_spans(2000, f.world))).value());
  f.world.stop();
}

TEST_CASE("intake: a request in pieces is refused with its first piece, and taken with it") {
  Fixture first({.refuses_from = 0});
  first.budget().set_limit(16 << 20);
  auto none = first.world.push(empty_spans(60'000, first.world));
  first.world.advance(1s);
  CHECK(first.world.answer(none).value());
  CHECK(first.arrived() == 0);
  first.world.stop();

  Fixture second({.refuses_from = 1});
  second.budget().set_limit(16 << 20);
  auto all = second.world.push(empty_spans(60'000, second.world));
  second.world.advance(1s);
  CHECK_FALSE(second.world.answer(all).value());
  CHECK(second.arrived() == 60'000);
  second.world.check_conservation();
  second.world.stop();
}

TEST_CASE("exchange: of a request that is cut between cores no part is refused") {
  for (std::size_t from : {0u, 1u}) {
    Fixture f({.refuses_from = from, .key = Key::trace_id}, 2);
    std::vector<SpanSpec> spans;
    for (std::uint8_t trace = 1; trace < 100; ++trace) spans.push_back({.trace = trace});
    auto push = f.world.push(make_traces(spans));
    f.world.advance(1s);
    bool refused = f.world.answer(push).value().has_value();
    CHECK(f.arrived() == (refused ? 0 : 99));
    CHECK(refused == (from == 0));
    f.world.check_conservation();
    f.world.stop();
  }
}
