#pragma once
// Bounds of explicit histogram buckets.
#include <optional>
#include <string>
#include <vector>

namespace weir::histograms {

// What is wrong with upper bounds that users wrote: they must ascend, each once. Nothing when they do.
template <class T>
std::optional<std::string> wrong_bound(const std::vector<T>& bounds) {
  for (std::size_t i = 1; i < bounds.size(); ++i) {
    if (bounds[i - 1] < bounds[i]) continue;
    return bounds[i] == bounds[i - 1] ? fmt::format("bound {} is the same as the one before", i + 1)
                                      : fmt::format("bound {} is not above the one before: bounds must ascend", i + 1);
  }
  return std::nullopt;
}

}  // namespace weir::histograms
