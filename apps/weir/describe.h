#pragma once
// What this build can be told, for people and for editors.
#include "config/value.h"
#include "engine/component.h"

namespace weir::app {

// The Markdown table between the markers of a component's README.
std::string settings_table(const engine::Factory& factory);
// The same for a terminal.
std::string settings_text(const engine::Factory& factory);
// The table of all components between the markers of the project's README.
std::string components_table();
// A JSON Schema of a whole configuration file.
config::Value config_schema();

}  // namespace weir::app
