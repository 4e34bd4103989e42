#pragma once
// What the newer interface says, as JSON in the collector's words.
#include "engine/plan.h"

namespace weir::extensions::health_check {

enum class State : std::uint8_t { starting, ok, stopping };

struct Health {
  State state = State::starting;
  UnixNanos started = 0, changed = 0;
};

// All of it, or one pipeline. nullopt: no such pipeline.
std::optional<std::string> status_json(const Health& health, const engine::Plan* plan, std::string_view pipeline, bool verbose);
int http_status(State state);

// Every component's settings with their defaults, secrets masked.
std::string config_json(const engine::Plan& plan);

}  // namespace weir::extensions::health_check
