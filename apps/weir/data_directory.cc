#include "weir/data_directory.h"

#include <unistd.h>

#include <cstdlib>

namespace weir::app {

DataPath data_path(const Options& options) {
  if (options.data_dir == "none") return {{}, true};
  if (!options.data_dir.empty()) return {options.data_dir, true};
  if (const char* named = std::getenv("WEIR_DATA_DIR"); named && *named) return {named, true};
  if (const char* state = std::getenv("STATE_DIRECTORY"); state && *state) {
    std::string first(state);
    return {first.substr(0, first.find(':')), true};
  }
  constexpr auto usual = "/var/lib/weir";
  if (::access(usual, W_OK | X_OK) == 0) return {usual, false};
  return {"weir-data", false};
}

Result<DataDirectory> take_data_directory(io::Fs& fs, const DataPath& place) {
  if (place.path.empty()) return DataDirectory{{}, "--data-dir none", {}};
  auto take = [&]() -> Result<std::shared_ptr<void>> {
    WEIR_TRY(fs.make_directory(place.path, 0750));
    return fs.lock(place.path + "/weir.lock", 0s);
  };
  auto lock = take();
  if (lock) return DataDirectory{place.path, {}, std::move(*lock)};
  std::string why = lock.error().what;
  if (lock.error().code == Errc::refused) why = fmt::format("another process uses {}", place.path);
  if (place.asked) return fail(Errc::config, "the data directory cannot be used: {}", why);
  return DataDirectory{{}, std::move(why), {}};
}

}  // namespace weir::app
