#pragma once
// Worlds whose process ends and begins again over one disk.
#include <cstdint>
#include <string>

namespace weir::sim {

struct LivesTotals {
  std::uint64_t spans = 0, lives = 0, kills = 0, power_cuts = 0, damaged_worlds = 0, refusals = 0, twice = 0, damaged_lost = 0;
};

// One seed: some processes one after the other, their plans and core counts drawn anew; what must hold over all of them is checked.
void run_lives(std::uint64_t seed, LivesTotals& totals);

}  // namespace weir::sim
