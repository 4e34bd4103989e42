#pragma once
// Which ports a collector's configuration listens on.
#include <optional>

#include "config/value.h"

namespace weir::app {

struct CollectorPort {
  std::string name;
  int service = 0, target = 0, host = 0;
  std::string protocol = "TCP", application;
};

// Of receivers that are in pipelines, and those of `more` (spec.ports), which win.
std::vector<CollectorPort> ports_of(const config::Value& configuration, const config::Value* more);
// "0.0.0.0:4317" -> 4317
std::optional<int> port_of(std::string_view endpoint);
// A component of it needs rights in the cluster.
bool talks_to_the_api(const config::Value& configuration);

}  // namespace weir::app
