#include "components/processors/queue_batch/queue_batch.h"

#include <doctest/doctest.h>

#include "engine/testing.h"

using namespace weir;
using namespace weir::processors::queue_batch;
using namespace weir::engine::testing;
using engine::Signal;

namespace {

const engine::Factory test_factory{
    .kind = engine::Kind::processor,
    .type = "queue_batch",
    .signals = {Signal::traces},
    .make_stage = [](const void* config, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
      return make_stage(*static_cast<const Config*>(config), context);
    }};

struct Fixture {
  explicit Fixture(std::uint64_t min_size, std::uint64_t max_size) : world(1, 1) {
    Config config;
    config.batch.min_size = min_size;
    config.batch.max_size = max_size;
    world.add(test_factory, "queue_batch", std::make_shared<Config>(config));
    world.pipeline("traces", Signal::traces, {"source"}, {"queue_batch"}, {"sink"});
    world.start();
  }
  std::vector<std::size_t> sizes() {
    std::vector<std::size_t> out;
    for (auto& arrived : world.take()) out.push_back(arrived.batch->items());
    return out;
  }
  void push(std::size_t spans) { world.push(make_traces(std::vector<SpanSpec>(spans))); }
  World world;
};

}  // namespace

TEST_CASE("requests are joined up to min_size, cut at max_size, and sent after the time-out") {
  Fixture f(10, 15);
  f.push(4);
  f.push(4);
  CHECK(f.sizes().empty());
  f.push(4);
  CHECK(f.sizes() == std::vector<std::size_t>{12});
  f.push(20);
  CHECK(f.sizes() == std::vector<std::size_t>{15});
  f.world.advance(201ms);
  CHECK(f.sizes() == std::vector<std::size_t>{5});
}

TEST_CASE("what is held when the processor stops is sent") {
  Fixture f(1000, 0);
  f.push(3);
  CHECK(f.sizes().empty());
  f.world.stop();
  CHECK(f.sizes() == std::vector<std::size_t>{3});
}
