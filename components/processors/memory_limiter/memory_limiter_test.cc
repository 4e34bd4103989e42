#include <doctest/doctest.h>

#include "components/processors/memory_limiter/config.h"
#include "engine/testing.h"

namespace weir::processors::memory_limiter {
engine::Factory factory();
}

using namespace weir;
using namespace weir::processors::memory_limiter;
using namespace weir::engine::testing;

TEST_CASE("MiB win over percent; the spike is a fifth when not given") {
  constexpr std::size_t mib = 1024 * 1024;
  CHECK(refusing_from({.limit_mib = 100, .limit_percentage = 50}, 1000 * mib) == 80 * mib);
  CHECK(refusing_from({.limit_percentage = 50, .spike_limit_percentage = 25}, 1000 * mib) == 250 * mib);
}

TEST_CASE("settings that make no sense are refused") {
  CHECK_FALSE(Config{}.validate());
  CHECK_FALSE(Config{.check_interval = 1s}.validate());
  CHECK_FALSE(Config{.check_interval = 1s, .limit_mib = 10, .spike_limit_mib = 10}.validate());
  CHECK_FALSE(Config{.check_interval = 1s, .limit_percentage = 101}.validate());
  CHECK(Config{.check_interval = 1s, .limit_mib = 10}.validate());
}

TEST_CASE("a closed budget refuses who can be refused") {
  World world(1, 1);
  static const engine::Factory limiter = factory();
  world.add(limiter, "memory_limiter", std::make_shared<Config>(Config{.check_interval = 1s, .limit_mib = 100}));
  world.pipeline("traces", engine::Signal::traces, {"source"}, {"memory_limiter"}, {"sink"});
  world.start();
  auto fine = world.push(make_traces({{}}));
  world.host().budget().set_closed(true);
  auto refused = world.push(make_traces({{}}));
  CHECK_FALSE(*world.answer(fine));
  REQUIRE(*world.answer(refused));
  CHECK((*world.answer(refused))->code == Errc::refused);
  CHECK(world.take().size() == 1);
  world.stop();
}
