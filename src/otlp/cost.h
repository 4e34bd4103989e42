#pragma once
// Upper bound of the memory that a request's index and decoded items take. The pass that checks the request computes it, before any of
// that exists.
#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace weir::otlp {

struct Cost {
  std::size_t bytes = 0;    // of the whole request
  std::size_t largest = 0;  // of its most expensive item; an item cannot be cut
  bool dense = false;       // some part of it takes more than ordinary() says

  // Upper bound for items that came in requests which are not dense, in whatever batch they are now.
  static constexpr std::size_t ordinary(std::size_t items, std::size_t bytes) { return 1536 * items + 12 * bytes; }
  // The same bound for one item, resource or scope.
  static constexpr std::size_t ordinary_unit(std::size_t items, std::size_t bytes) { return 768 * std::max<std::size_t>(items, 1) + 12 * bytes; }

  // For batches whose cost was not computed.
  static constexpr Cost assumed(std::size_t items, std::size_t bytes, bool dense) {
    std::size_t most = dense ? SIZE_MAX / 4 : ordinary(items, bytes);
    return {most, most, dense};
  }

  void add(const Cost& other) {
    bytes = std::min(bytes + other.bytes, SIZE_MAX / 4);
    largest = std::max(largest, other.largest);
    dense |= other.dense;
  }
};

}  // namespace weir::otlp
