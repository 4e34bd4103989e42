#pragma once
// Randomness as a seam: seeded in tests and simulation, from the system elsewhere.
#include <cstdint>
#include <random>

namespace weir {

// SplitMix64: small, seedable, good enough for jitter, ids and simulation. Not for secrets.
class Rng {
 public:
  explicit Rng(std::uint64_t seed) : state_(seed) {}
  static Rng from_system() {
    std::random_device device;
    return Rng((std::uint64_t{device()} << 32) ^ device());
  }

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  // [0, bound); 0 when bound is 0.
  std::uint64_t below(std::uint64_t bound) {
    return bound == 0 ? 0 : static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
  }
  // [0, 1)
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  bool chance(double p) { return unit() < p; }

 private:
  std::uint64_t state_;
};

}  // namespace weir
