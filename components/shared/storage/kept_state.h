#pragma once
// What a component knew at an orderly end, for its next start.
#include <mutex>

#include "engine/component.h"

namespace weir::storage {

// Shared by all cores of one life of a component; made by of(). Written as one file when all cores have brought their part, and gone as
// soon as it was read: after a crash there is none, so what is counted begins anew instead of going back to older numbers.
// After a reload that changed the component only the newer life writes.
class KeptState : public std::enable_shared_from_this<KeptState> {
 public:
  // Null without a data directory. In start() only: whoever comes first reads the file. `fingerprint`: settings that the state depends
  // on; the state of others is dropped. Damage is said in the log and counted, and leaves nothing.
  static std::shared_ptr<KeptState> of(const engine::StageContext& context, std::string_view fingerprint);

  // Each part that was kept, once, to whoever asks for it first. Any core.
  std::vector<std::string> take_parts();

  // A core's part. When all have brought theirs they are written, again when one comes once more. `done` runs on `home` when what was
  // written has all parts of that moment, or there is nothing to write.
  void save(std::uint16_t core, std::string part, io::Executor& home, io::Task done);

 private:
  // What the lives of one component have in common.
  struct Path {
    std::mutex mutex;  // guards `newest`; held while the file is written or read
    std::uint64_t newest = 0;
  };
  KeptState(const engine::StageContext& context, std::string_view fingerprint, std::shared_ptr<Path> file);
  void read();
  Result<std::vector<std::string>> read_file();
  void write();

  engine::Host& host_;
  const std::string id_, directory_, path_, fingerprint_;
  telemetry::Counter &damaged_, &failed_;
  std::shared_ptr<Path> file_;  // shared by the lives of one component
  std::uint64_t life_ = 0;
  std::mutex mutex_;  // guards what follows
  std::vector<std::string> read_;
  std::vector<std::optional<std::string>> parts_;
  Charge charge_;
};

// Whether these are the bytes of such a file, for tools.
Result<> check_kept_state(std::string_view bytes);

}  // namespace weir::storage
