#pragma once
// Amounts of resources as Kubernetes writes them.
#include <optional>
#include <string_view>

namespace weir::kube {

// "100m" -> 0.1, "64Mi" -> 67108864, "1e3" -> 1000. nullopt for what is none.
std::optional<double> parse_quantity(std::string_view text);

}  // namespace weir::kube
