#pragma once
#include "base/time.h"

namespace weir::config {
struct FieldInfo;
}

namespace weir::processors::batch {

struct Config {
  Duration timeout = 200ms;
  std::uint64_t send_batch_size = 8192;
  std::uint64_t send_batch_max_size = 0;
  std::vector<std::string> metadata_keys;
  std::uint64_t metadata_cardinality_limit = 1000;

  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

}  // namespace weir::processors::batch
