#include <doctest/doctest.h>

#include "engine/decode.h"
#include "engine/testing.h"

namespace weir::connectors::roundrobin {
engine::Factory factory();
}

using namespace weir;
using namespace weir::engine::testing;
using engine::Signal;

TEST_CASE("roundrobin: batches go to the pipelines behind in turn") {
  config::Problems problems;
  engine::Factory factory = connectors::roundrobin::factory();
  World world(1, 1);
  world.add(factory, "roundrobin", factory.decode(nullptr, problems));
  world.pipeline("traces/in", Signal::traces, {"source"}, {}, {"roundrobin"});
  world.pipeline("traces/a", Signal::traces, {"roundrobin"}, {}, {"sink/a"});
  world.pipeline("traces/b", Signal::traces, {"roundrobin"}, {}, {"sink/b"});
  world.start();
  for (int i = 0; i < 4; ++i) world.push(make_traces({{}}));
  CHECK(world.take("sink/a").size() == 2);
  CHECK(world.take("sink/b").size() == 2);
  world.check_conservation();
  world.stop();
}
