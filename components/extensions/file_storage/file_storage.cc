#include "components/extensions/file_storage/file_storage.h"

#include <thread>

#include "base/log.h"

namespace weir::extensions::file_storage {

Result<> FileStorage::start() {
  if (config_.create_directory) WEIR_TRY(fs_.make_directory(config_.directory, config_.permissions()));
  WEIR_TRY(take_lock());
  log::warn("file_storage keeps nothing yet: sending queues that name it are kept in memory and do not survive the end of the process.",
            {{"extension", id_}, {"directory", config_.directory}});
  return {};
}

Result<> FileStorage::take_lock() {
  constexpr Duration pause = 20ms;
  for (Duration waited = 0s;; waited += pause) {
    auto lock = fs_.lock(config_.directory + "/weir.lock");
    if (lock) {
      lock_ = std::move(*lock);
      return {};
    }
    if (lock.error().code != Errc::refused || waited >= config_.timeout) return fail(lock.error());
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace weir::extensions::file_storage
