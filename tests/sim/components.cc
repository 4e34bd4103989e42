#include "sim/components.h"

#include "config/yaml.h"

namespace weir::sim {

const engine::Factory& factory(std::string_view type) {
  for (auto& row : engine::component_table())
    if (row.accepts(type)) return row;
  WEIR_CHECK(false, "no component {}", type);
}

void add(engine::testing::World& world, std::string_view id, std::string_view type, std::string_view yaml) {
  config::Problems problems;
  auto value = config::parse_yaml(yaml);
  WEIR_CHECK(value.has_value(), "{}", value ? "" : value.error().what);
  auto settings = factory(type).decode(&*value, problems);
  WEIR_CHECK(settings != nullptr, "{}", problems.to_string());
  world.add(factory(type), id, settings);
}

}  // namespace weir::sim
