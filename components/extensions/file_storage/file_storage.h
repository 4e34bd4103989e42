#pragma once
// Holds a directory for this process; the sending queues that name it are in there.
#include "components/extensions/file_storage/config.h"
#include "components/shared/storage/storage_extension.h"
#include "engine/component.h"
#include "io/fs.h"

namespace weir::extensions::file_storage {

class FileStorage : public engine::Extension, public storage::StorageExtension {
 public:
  FileStorage(const Config& config, const engine::ExtensionContext& context, io::Fs& fs)
      : config_(config), id_(context.id.to_string()), fs_(fs) {}

  // Blocks for up to `timeout` while another process has the directory.
  Result<> start() override;
  void stop() override { lock_.reset(); }

  const std::string& directory() const override { return config_.directory; }
  bool syncs() const override { return config_.fsync; }
  std::uint64_t max_bytes() const override { return config_.max_size; }

 private:
  Config config_;
  std::string id_;
  io::Fs& fs_;
  std::shared_ptr<void> lock_;  // nobody else's: the token that releases
};

}  // namespace weir::extensions::file_storage
