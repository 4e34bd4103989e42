#include "components/shared/storage/storage_id.h"

#include "config/field.h"

namespace weir::storage {

Result<StorageId> StorageId::decode(const config::Value& value, config::Context& context) {
  WEIR_ASSIGN(auto id, ComponentId::decode(value, context));
  if (!id.type.empty()) context.problems().refer(value.mark(), id.to_string(), "storage");
  return StorageId{std::move(id)};
}

}  // namespace weir::storage
