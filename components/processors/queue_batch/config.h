#pragma once
#include "components/shared/exporting/config.h"

namespace weir::processors::queue_batch {

struct Config {
  exporting::QueueBatchConfig batch;
  bool wait_for_result = false;

  static std::span<const config::FieldInfo> fields();
};

}  // namespace weir::processors::queue_batch
