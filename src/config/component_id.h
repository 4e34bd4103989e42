#pragma once
// `type` or `type/name`, as components are called in a configuration.
#include <string>

#include "base/result.h"

namespace weir::config {

struct ComponentId {
  std::string type, name;

  std::string to_string() const { return name.empty() ? type : type + "/" + name; }
  auto operator<=>(const ComponentId&) const = default;
};

}  // namespace weir::config
