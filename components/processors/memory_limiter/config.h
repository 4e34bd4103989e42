#pragma once
#include "base/time.h"

namespace weir::config {
struct FieldInfo;
}

namespace weir::processors::memory_limiter {

struct Config {
  Duration check_interval = 0s;
  std::uint64_t limit_mib = 0, spike_limit_mib = 0;
  std::uint64_t limit_percentage = 0, spike_limit_percentage = 0;

  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

// The two lines in bytes, given the memory there is (cgroup limit or RAM).
struct Limits {
  std::size_t soft, hard;
};
Limits limits(const Config& config, std::size_t total_memory);

}  // namespace weir::processors::memory_limiter
