#include "components/processors/batch/batch.h"

#include <doctest/doctest.h>

#include "engine/testing.h"

using namespace weir;
using namespace weir::processors::batch;
using namespace weir::engine::testing;
using engine::Signal;

namespace {

const engine::Factory test_factory{
    .kind = engine::Kind::processor,
    .type = "batch",
    .signals = {Signal::traces},
    .make_stage = [](const void* config, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
      return make_stage(*static_cast<const Config*>(config), context);
    }};

struct Fixture {
  explicit Fixture(Config config) : world(1, 1) {
    world.add(test_factory, "batch", std::make_shared<Config>(std::move(config)));
    world.pipeline("traces", Signal::traces, {"source"}, {"batch"}, {"sink"});
    world.start();
  }
  std::size_t push(std::size_t spans, std::string tenant = {}) {
    auto batch = make_traces(std::vector<SpanSpec>(spans));
    if (!tenant.empty()) {
      auto context = std::make_shared<otlp::Context>();
      context->metadata["tenant"] = {tenant};
      batch.context = context;
    }
    return world.push(std::move(batch));
  }
  std::vector<std::size_t> sizes() {
    std::vector<std::size_t> out;
    for (auto& a : world.take()) out.push_back(a.batch->items());
    return out;
  }
  World world;
};

using Sizes = std::vector<std::size_t>;

}  // namespace

TEST_CASE("a batch goes when it is full or its time is over") {
  Fixture f({.send_batch_size = 10});
  for (int i = 0; i < 4; ++i) f.push(3);
  CHECK(f.sizes() == Sizes{12});
  f.push(3);
  f.world.advance(199ms);
  CHECK(f.sizes().empty());
  f.world.check_conservation();
  f.world.advance(1ms);
  CHECK(f.sizes() == Sizes{3});
  f.world.stop();
}

TEST_CASE("send_batch_max_size cuts exactly") {
  Fixture f({.send_batch_size = 10, .send_batch_max_size = 10});
  f.push(25);
  CHECK(f.sizes() == Sizes{10, 10});
  f.world.advance(200ms);
  CHECK(f.sizes() == Sizes{5});
  f.world.stop();
}

TEST_CASE("timeout 0 or send_batch_size 0 pass on at once and still cut") {
  for (Config config : {Config{.timeout = 0s, .send_batch_size = 4, .send_batch_max_size = 4},
                        Config{.send_batch_size = 0, .send_batch_max_size = 4}}) {
    Fixture f(config);
    f.push(6);
    CHECK(f.sizes() == Sizes{4, 2});
    f.world.stop();
  }
}

TEST_CASE("metadata values are kept apart, up to the limit") {
  Fixture f({.send_batch_size = 10, .metadata_keys = {"Tenant"}, .metadata_cardinality_limit = 2});
  f.push(2, "a"), f.push(3, "b"), f.push(4, "a");
  auto refused = f.push(1, "c");
  REQUIRE(f.world.answer(refused));
  CHECK(*f.world.answer(refused));
  f.world.advance(200ms);
  CHECK(f.sizes() == Sizes{6, 3});
  f.world.stop();
}

TEST_CASE("draining sends what waits") {
  Fixture f({});
  auto push = f.push(2);
  CHECK_FALSE(*f.world.answer(push));
  f.world.stop();
  CHECK(f.sizes() == Sizes{2});
}

TEST_CASE("batch: senders that wait for a queue on disk do not wait for a long timeout") {
  // An exporter whose OK is worth more than memory.
  static const engine::Factory disk{
      .kind = engine::Kind::exporter,
      .type = "disk",
      .signals = {Signal::traces},
      .durability = [](const void*, const engine::StorageInfo&) { return engine::Durability::os; },
      .make_stage = [](const void*, engine::StageContext&) -> Result<std::unique_ptr<engine::Stage>> {
        struct Stage : engine::Stage {
          void process(otlp::Batch batch, engine::Out& out) override { out.delivered(std::move(batch)); }
        };
        return std::make_unique<Stage>();
      }};
  World world(1, 1);
  world.add(test_factory, "batch", std::make_shared<Config>(Config{.timeout = 1h}));
  world.add(disk, "disk", nullptr);
  world.pipeline("traces", Signal::traces, {"source"}, {"batch"}, {"disk"});
  world.start();
  auto push = world.push(make_traces(std::vector<SpanSpec>(1)));
  CHECK_FALSE(world.answer(push));
  world.advance(250ms);
  CHECK(world.answer(push));
  world.stop();
}
