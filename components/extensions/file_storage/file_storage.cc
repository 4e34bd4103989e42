#include "components/extensions/file_storage/file_storage.h"

#include <thread>


namespace weir::extensions::file_storage {

Result<> FileStorage::start() {
  if (config_.create_directory) WEIR_TRY(fs_.make_directory(config_.directory, config_.permissions()));
  WEIR_TRY(take_lock());
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
