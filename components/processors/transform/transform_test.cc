#include "components/processors/transform/transform.h"

#include <doctest/doctest.h>

#include "config/yaml.h"
#include "engine/decode.h"
#include "engine/testing.h"
#include "otlp/json.h"

namespace weir::processors::transform {
engine::Factory factory();
}

using namespace weir;
using namespace weir::engine::testing;
using engine::Signal;

TEST_CASE("transform: copies of copies end") {
  config::Problems problems;
  auto yaml = config::parse_yaml("metric_statements: [{context: metric, statements: [copy_metric()]}]");
  REQUIRE(yaml);
  auto factory = processors::transform::factory();
  World world(1, 1);
  world.add(factory, "transform", factory.decode(&*yaml, problems));
  world.pipeline("metrics", Signal::metrics, {"source"}, {"transform"}, {"sink"});
  world.start();
  auto bytes = otlp::json_to_protobuf(Signal::metrics, R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":{"dataPoints":[{"asInt":"1"}]}}]}]}]})");
  REQUIRE(bytes);
  auto batch = otlp::Batch::parse(Signal::metrics, std::move(*bytes));
  REQUIRE(batch);
  world.push(std::move(*batch));
  world.check_conservation();
  auto arrived = world.take();
  REQUIRE(arrived.size() == 1);
  CHECK(arrived[0].batch->items() == 1011);
  world.stop();
}
