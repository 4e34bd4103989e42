#include "components/shared/stanza/storage.h"

#include "components/shared/storage/storage_extension.h"

namespace weir::stanza {

Result<std::string> storage_directory(engine::Host& host, const config::ComponentId& storage) {
  if (storage.type.empty()) return host.data_directory();
  auto* found = dynamic_cast<weir::storage::StorageExtension*>(host.extension(storage));
  if (found == nullptr) return fail(Errc::config, "there is no running storage extension \"{}\"", storage.to_string());
  return found->directory();
}

}  // namespace weir::stanza
