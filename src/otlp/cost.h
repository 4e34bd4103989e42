#pragma once
// What a request takes in memory once it is taken apart: its index and its decoded form. Found by the pass that checks it, before
// any of that exists.
#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace weir::otlp {

struct Cost {
  std::size_t bytes = 0;    // of all of it, at most
  std::size_t largest = 0;  // of the one item that takes most, which cannot be cut
  bool dense = false;       // some of it takes more than ordinary() says

  // What items that came in requests which are not dense take at most, however they were put together since.
  static constexpr std::size_t ordinary(std::size_t items, std::size_t bytes) { return 1536 * items + 12 * bytes; }
  // The same for one item, or one resource or scope.
  static constexpr std::size_t ordinary_unit(std::size_t items, std::size_t bytes) { return 768 * std::max<std::size_t>(items, 1) + 12 * bytes; }

  // Of what is not known more closely.
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
