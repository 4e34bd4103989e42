#include "components/extensions/file_storage/file_storage.h"

namespace weir::extensions::file_storage {

Result<> FileStorage::start() {
  if (config_.create_directory) WEIR_TRY(fs_.make_directory(config_.directory, config_.permissions()));
  WEIR_ASSIGN(lock_, fs_.lock(config_.directory + "/weir.lock", config_.timeout));
  return {};
}

}  // namespace weir::extensions::file_storage
