#pragma once
#include "base/time.h"

namespace weir::config {
struct FieldInfo;
}

namespace weir::processors::groupbytrace {

struct Config {
  Duration wait_duration = 1s;
  std::uint64_t num_traces = 1'000'000;
  bool discard_orphans = false, store_on_disk = false;
  bool durable = true;

  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

}  // namespace weir::processors::groupbytrace
