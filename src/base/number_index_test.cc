#include "base/number_index.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/rng.h"

using namespace weir;

TEST_CASE("number index: what was added is found, what was removed is not") {
  Rng rng(1);
  NumberIndex index;
  std::vector<std::uint64_t> hashes;
  std::vector<bool> in;
  auto hash_of = [&](std::uint32_t n) { return hashes[n]; };
  for (int step = 0; step < 20'000; ++step) {
    if (rng.chance(0.6)) {
      hashes.push_back(rng.below(300) * 64);  // many with one place, and the places close to the end
      in.push_back(true);
      index.add(static_cast<std::uint32_t>(hashes.size() - 1), hash_of);
    } else if (!hashes.empty()) {
      auto n = static_cast<std::uint32_t>(rng.below(hashes.size()));
      if (in[n]) index.remove(n, hash_of);
      in[n] = false;
    }
    if (hashes.empty() || step % 16 != 0) continue;
    auto n = static_cast<std::uint32_t>(rng.below(hashes.size()));
    CHECK((index.find(hashes[n], [&](std::uint32_t i) { return i == n; }) == n) == in[n]);
  }
  for (std::uint32_t n = 0; n < hashes.size(); ++n) REQUIRE((index.find(hashes[n], [&](std::uint32_t i) { return i == n; }) == n) == in[n]);
  index.clear();
  CHECK(index.find(hashes[0], [](std::uint32_t) { return true; }) == NumberIndex::none);
}
