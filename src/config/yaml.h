#pragma once
// YAML (and with it JSON) to Value.
#include "config/problems.h"

namespace weir::config {

// The first document of `source`. Reports what is wrong with its place; the result is empty after an error.
// Anchors, aliases and merge keys are resolved here, within `limits`.
std::optional<Value> parse_yaml(std::shared_ptr<const Source> source, Problems& problems, const Limits& limits = {});

// The same for a text on its own: all errors in one.
Result<Value> parse_yaml(std::string_view text, std::string_view name = "yaml");

}  // namespace weir::config
