#pragma once
// Where things stand in a vector, by hash: a table of 4 bytes a slot that keeps neither keys nor hashes.
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace weir {

// Open addressing, at most half full. `hash_of(number)` gives the hash of a number that is in it. Memory is for the owner to charge.
class NumberIndex {
 public:
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  template <class Is>
  std::uint32_t find(std::uint64_t hash, Is is) const {
    if (slots_.empty()) return none;
    for (std::size_t at = hash & mask(); slots_[at] != none; at = (at + 1) & mask())
      if (is(slots_[at])) return slots_[at];
    return none;
  }
  template <class HashOf>
  void add(std::uint32_t number, HashOf hash_of) {
    if (2 * (used_ + 1) > slots_.size()) {
      auto old = std::exchange(slots_, std::vector<std::uint32_t>(slots_.empty() ? 64 : 2 * slots_.size(), none));
      for (std::uint32_t there : old)
        if (there != none) place(there, hash_of(there));
    }
    place(number, hash_of(number));
    ++used_;
  }
  // Those behind it that stand further from their place than they need to move up.
  template <class HashOf>
  void remove(std::uint32_t number, HashOf hash_of) {
    std::size_t hole = hash_of(number) & mask();
    while (slots_[hole] != number) hole = (hole + 1) & mask();
    for (std::size_t at = (hole + 1) & mask(); slots_[at] != none; at = (at + 1) & mask()) {
      std::size_t home = hash_of(slots_[at]) & mask();
      if (((at - home) & mask()) < ((at - hole) & mask())) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = none;
    --used_;
  }
  void clear() { *this = {}; }
  std::size_t bytes() const { return slots_.capacity() * sizeof(std::uint32_t); }

 private:
  std::size_t mask() const { return slots_.size() - 1; }
  void place(std::uint32_t number, std::uint64_t hash) {
    std::size_t at = hash & mask();
    while (slots_[at] != none) at = (at + 1) & mask();
    slots_[at] = number;
  }
  std::vector<std::uint32_t> slots_;  // a power of two
  std::size_t used_ = 0;
};

}  // namespace weir
