#include <doctest/doctest.h>

#include "components/processors/tail_sampling/testing.h"

using namespace weir;
using namespace weir::processors::tail_sampling;
using namespace weir::processors::tail_sampling::testing;

namespace {

constexpr double percent = 30;

// What the processor promises, for one thread and with a look at every trace for every push.
class Reference {
 public:
  explicit Reference(const Config& config) : config_(config) {}

  void push(Duration now, const std::vector<SpanSpec>& spans) {
    decide(now);
    for (auto& span : spans) {
      Trace& trace = traces_[span.trace];
      if (trace.spans == 0) trace.first = now;
      ++trace.spans;
      trace.last = now;
      if (trace.decided) {
        if (trace.kept) ++out[span.trace];
        continue;
      }
      if (span.parent == 0 && !trace.root) trace.root = now;
      trace.error |= span.status == 2;
    }
  }
  // Rounds of decisions come every 100 ms; those before `now`.
  void decide(Duration now) {
    for (auto& [id, trace] : traces_) {
      Duration due = trace.first + config_.decision_wait;
      if (config_.decision_wait_idle > 0s) due = std::min(due, trace.last + config_.decision_wait_idle);
      if (config_.decision_wait_after_root_received > 0s && trace.root) due = std::min(due, *trace.root + config_.decision_wait_after_root_received);
      Duration round = (due + 100ms - 1ns) / 100ms * 100ms;
      if (trace.decided || round >= now) continue;
      trace.decided = true;
      trace.kept = trace.error || lucky(id, percent);
      if (trace.kept) out[id] = trace.spans;
    }
  }
  Counts out;

 private:
  struct Trace {
    Duration first{}, last{};
    std::optional<Duration> root;
    int spans = 0;
    bool error = false, decided = false, kept = false;
  };
  const Config& config_;
  std::map<std::uint8_t, Trace> traces_;
};

Config draw_config(Rng& rng) {
  Config config{.decision_wait = 2s, .policies = {errors(), share(percent)}};
  if (rng.chance(0.4)) config.decision_wait_idle = 500ms;
  if (rng.chance(0.4)) config.decision_wait_after_root_received = 300ms;
  return config;
}

std::vector<SpanSpec> draw_spans(Rng& rng) {
  std::vector<SpanSpec> spans;
  for (std::uint64_t n = 1 + rng.below(6); n > 0; --n)
    spans.push_back({.trace = static_cast<std::uint8_t>(1 + rng.below(60)),
                     .span = static_cast<std::uint8_t>(1 + rng.below(200)),
                     .parent = static_cast<std::uint8_t>(rng.chance(0.2) ? 0 : 7),
                     .service = rng.chance(0.5) ? "shop" : "bank",
                     .status = rng.chance(0.05) ? 2 : 0});
  return spans;
}

}  // namespace

TEST_CASE("1, 2 and 8 cores decide as the reference does, late spans and jumps of the clock included") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed)
    for (std::size_t cores : {1, 2, 8}) {
      CAPTURE(seed);
      CAPTURE(cores);
      Rng rng(seed);
      Config config = draw_config(rng);
      Reference reference(config);
      Fixture f(config, cores, seed * 10 + cores);
      Counts got;
      auto collect = [&] {
        for (auto [trace, spans] : f.out()) got[trace] += spans;
      };
      f.world.advance(13ms);  // pushes never come at the time of a round
      for (int i = 0; i < 120; ++i) {
        auto spans = draw_spans(rng);
        reference.push(f.world.simulation().elapsed(), spans);
        f.world.push(make_traces(spans), rng.below(cores));
        if (rng.chance(0.1)) f.world.simulation().clock().jump_wall(rng.chance(0.5) ? 1h : -1h);
        f.world.advance(20ms * static_cast<std::int64_t>(rng.below(8)));
        collect();
        if (i % 10 == 0) f.world.check_conservation();
      }
      f.world.advance(3s);
      reference.decide(f.world.simulation().elapsed());
      collect();
      CHECK(got == reference.out);
      f.world.stop();
      CHECK(f.out().empty());
      CHECK(f.world.host().budget().used() == 0);
    }
}
