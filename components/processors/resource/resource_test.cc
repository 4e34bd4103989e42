#include "components/processors/resource/resource.h"

#include <doctest/doctest.h>

#include "config/yaml.h"
#include "engine/testing.h"

namespace weir::processors::resource {
engine::Factory factory();
}

using namespace weir;
using namespace weir::engine::testing;
using engine::Signal;

namespace {

engine::Factory::Config decode(std::string_view yaml, config::Problems& problems) {
  auto value = config::parse_yaml(yaml);
  REQUIRE(value.has_value());
  return processors::resource::factory().decode(&*value, problems);
}

// service.name and marker of each resource that came out.
std::vector<std::string> run(std::string_view yaml, std::vector<SpanSpec> spans) {
  config::Problems problems;
  engine::Factory factory = processors::resource::factory();
  auto config = decode(yaml, problems);
  REQUIRE_MESSAGE(config != nullptr, problems.to_string());
  World world(2, 1);
  world.add(factory, "resource", config);
  world.pipeline("traces", Signal::traces, {"source"}, {"resource"}, {"sink"});
  world.start();
  world.push(make_traces(spans));
  std::vector<std::string> out;
  for (auto& arrived : world.take())
    for (auto& group : arrived.batch->groups()) {
      otlp::Attributes attributes = group.resource.read(arrived.batch->arena()).attributes;
      out.push_back(otlp::to_text(otlp::Value::of(&attributes)));
    }
  world.stop();
  return out;
}

}  // namespace

TEST_CASE("resource: actions run on every resource") {
  auto out = run("attributes: [{key: region, value: eu, action: insert}, {key: service.name, action: hash}]",
                 {{.service = "shop"}, {.service = "cart"}, {.service = ""}});
  CHECK(out == std::vector<std::string>{
                   R"({"region":"eu","service.name":"8d9001d32c6a703d95921a77115050f33dd823d3f1730bd35215dcbecad6dc20"})",
                   R"({"region":"eu","service.name":"1c42ddc0285b9c25135be3bf345e6a041271b784b22a6f6cab6588dab93c5980"})",
                   R"({"region":"eu"})"});
}

TEST_CASE("resource: it says that resources may change, so that keys are looked at again behind it") {
  CHECK(processors::resource::factory().edits_resource);
}

TEST_CASE("resource: an action list is needed") {
  for (std::string_view yaml : {"{}", "attributes: []", "attributes:"}) {
    CAPTURE(yaml);
    config::Problems problems;
    CHECK(decode(yaml, problems) == nullptr);
    CHECK(problems.to_string().find("attributes: is required") != std::string::npos);
  }
}
