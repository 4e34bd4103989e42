#include <doctest/doctest.h>

#include "config/yaml.h"
#include "engine/testing.h"
#include "otlp/json.h"

namespace weir::processors::metricstarttime {
engine::Factory factory();
}

using namespace weir;
using namespace weir::engine::testing;

namespace {

// "resource metric start" of each data point that comes out, on so many cores.
std::vector<std::string> starts(std::uint16_t cores, const std::string& config_text, std::string_view json) {
  config::Problems problems;
  auto yaml = config::parse_yaml(config_text);
  REQUIRE(yaml);
  auto factory = processors::metricstarttime::factory();
  auto config = factory.decode(&*yaml, problems);
  REQUIRE_MESSAGE(config != nullptr, problems.to_string());
  World world(1, cores);
  world.add(factory, "metricstarttime", config);
  world.pipeline("p", engine::Signal::metrics, {"source"}, {"metricstarttime"}, {"sink"});
  world.start();
  auto bytes = otlp::json_to_protobuf(engine::Signal::metrics, json);
  REQUIRE(bytes);
  auto batch = otlp::Batch::parse(engine::Signal::metrics, std::move(*bytes), {}, world.sought("source", engine::Signal::metrics));
  REQUIRE(batch);
  world.push(std::move(*batch));
  std::vector<std::string> out;
  for (auto& arrived : world.take()) {
    Arena& arena = arrived.batch->arena();
    for (auto& group : arrived.batch->groups())
      for (auto& scope : group.scopes)
        for (auto& item : scope.items) {
          auto& metric = item.read<otlp::Metric>(arena);
          for (auto& point : metric.points)
            out.push_back(fmt::format("{} {} {}", otlp::to_text(group.resource.read(arena).attributes[0].value), metric.name, point.start_time_unix_nano));
        }
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string resource(std::string_view name, std::string_view metrics) {
  return fmt::format(R"({{"resource":{{"attributes":[{{"key":"n","value":{{"stringValue":"{}"}}}}]}},"scopeMetrics":[{{"metrics":[{}]}}]}})", name, metrics);
}

std::string sum(std::string_view name) {
  return fmt::format(R"({{"name":"{}","sum":{{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[{{"asInt":"1","timeUnixNano":"90000000000"}}]}}}})", name);
}

}  // namespace

TEST_CASE("metricstarttime: a metric says when its own resource started, on one core and on several") {
  std::string began = R"({"name":"process_start_time_seconds","gauge":{"dataPoints":[{"asDouble":50.5}]}})";
  std::string json = R"({"resourceMetrics":[)" + resource("a", sum("early") + "," + began) + "," + resource("b", sum("other")) + "," + resource("a", sum("late")) + "]}";
  for (std::uint16_t cores : {1, 3}) {
    CAPTURE(cores);
    auto found = starts(cores, "strategy: start_time_metric", json);
    REQUIRE(found.size() == 4);
    CHECK(found[0] == "a early 50500000000");
    CHECK(found[1] == "a late 50500000000");
    CHECK(found[3].starts_with("b other "));
    CHECK(found[3] != "b other 50500000000");
  }
}
