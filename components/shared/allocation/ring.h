#pragma once
// Consistent hashing with bounded loads: keys fall into partitions, partitions belong to members.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::allocation {

// Never changes; the same members make the same ring, in whatever order they are named.
class Ring {
 public:
  Ring() = default;
  explicit Ring(std::vector<std::string> members);
  // "" when there are no members.
  std::string_view owner_of(std::string_view key) const;

  static constexpr std::size_t partitions = 1061, places = 5;
  static constexpr double load = 1.1;

 private:
  std::vector<std::string> members_;   // sorted
  std::vector<std::uint32_t> owners_;  // of each partition
};

}  // namespace weir::allocation
