#include <doctest/doctest.h>

#include "engine/decode.h"
#include "engine/testing.h"

namespace weir::connectors::forward {
engine::Factory factory();
}

using namespace weir;
using namespace weir::engine::testing;
using engine::Signal;

namespace {

std::size_t spans(const std::vector<Arrived>& arrived) {
  std::size_t n = 0;
  for (auto& a : arrived) n += a.batch->items();
  return n;
}

}  // namespace

TEST_CASE("forward: pipelines join and part again, and the answer waits for all of them") {
  config::Problems problems;
  engine::Factory factory = connectors::forward::factory();
  World world(2, 1);
  world.add(factory, "forward", factory.decode(nullptr, problems));
  world.pipeline("traces/in", Signal::traces, {"source"}, {}, {"forward"});
  world.pipeline("traces/a", Signal::traces, {"forward"}, {}, {"sink/a"});
  world.pipeline("traces/b", Signal::traces, {"forward"}, {}, {"sink/b"});
  world.rule("sink/b", [](const otlp::Batch&) { return Error{Errc::retryable, "backend away", 0s}; });
  world.start();
  auto push = world.push(make_traces({{}, {.span = 2}, {.span = 3}}), 1);
  CHECK(spans(world.take("sink/a")) == 3);
  REQUIRE(world.answer(push));
  REQUIRE(*world.answer(push));
  CHECK((*world.answer(push))->what == "backend away");
  world.check_conservation();
  world.stop();
}
