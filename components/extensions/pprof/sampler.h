#pragma once
// Where the process spends its CPU time: a signal at every 10 ms of it, whose handler notes the stack it interrupted.
#include <map>
#include <vector>

#include "base/result.h"

namespace weir::extensions::pprof {

// Addresses from the innermost frame outwards, to how often it was seen.
using Stacks = std::map<std::vector<std::uintptr_t>, std::uint64_t>;

// One at a time in a process (there is one profiling timer). start() and drain() on the same core; drain() often enough:
// there is room for 256 stacks in between, the rest is counted as lost.
class Sampler {
 public:
  static constexpr std::chrono::milliseconds period{10};

  // Errc::refused while another one runs.
  Result<> start();
  // Adds what was noted since the last time.
  void drain(Stacks& into);
  void stop();
  ~Sampler() { stop(); }
  std::uint64_t lost() const;

 private:
  bool running_ = false;
};

}  // namespace weir::extensions::pprof
