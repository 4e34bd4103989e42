#pragma once
// Feature gates: switches by name, from --feature-gates, set once before anything is configured.
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::gates {

// Each entry may be a comma list; "name" and "+name" switch on, "-name" off. Unknown names are kept: a gate that this
// program does not have may belong to the collector the configuration was written for.
void set(const std::vector<std::string>& lists);
// What was set for the name, otherwise `standard`.
bool enabled(std::string_view name, bool standard = false);

// Gates that change something here, and whether they are on.
struct Known {
  std::string_view name, description;
};
std::span<const Known> known();
// What was set and is not among them.
std::vector<std::string> unknown();

}  // namespace weir::gates
