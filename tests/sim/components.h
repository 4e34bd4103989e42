#pragma once
// The program's own components in a simulated plan.
#include "engine/testing.h"

namespace weir::sim {

const engine::Factory& factory(std::string_view type);
// With settings as a configuration has them.
void add(engine::testing::World& world, std::string_view id, std::string_view type, std::string_view yaml);
inline void add(engine::testing::World& world, std::string_view type, std::string_view yaml) { add(world, type, type, yaml); }

}  // namespace weir::sim
