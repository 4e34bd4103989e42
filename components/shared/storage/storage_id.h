#pragma once
// A setting that names a storage extension: the check sees to it that one with this id runs.
#include "config/component_id.h"

namespace weir::storage {

struct StorageId : config::ComponentId {
  static Result<StorageId> decode(const config::Value& value, config::Context& context);
};

}  // namespace weir::storage
