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

// From where on data is refused, in bytes, given the memory there is (cgroup limit or RAM): the limit without the spike.
std::size_t refusing_from(const Config& config, std::size_t total_memory);

}  // namespace weir::processors::memory_limiter
