#include <doctest/doctest.h>

#include "engine/decode.h"
#include "engine/testing.h"

namespace weir::exporters::nop {
engine::Factory factory();
}

using namespace weir;
using namespace weir::engine::testing;

TEST_CASE("nop: what it takes is delivered") {
  config::Problems problems;
  engine::Factory factory = exporters::nop::factory();
  World world(1, 1);
  world.add(factory, "nop", factory.decode(nullptr, problems));
  world.pipeline("traces", engine::Signal::traces, {"source"}, {}, {"nop"});
  world.start();
  auto push = world.push(make_traces({{}, {}}));
  REQUIRE(world.answer(push));
  CHECK_FALSE(*world.answer(push));
  std::uint64_t delivered = 0;
  for (auto& row : world.engine().ledger(true)) delivered += row.delivered;
  CHECK(delivered == 2);
  world.stop();
}
