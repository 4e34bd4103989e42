#pragma once
// Holds a directory for this process. What queues keep in it comes with the durable queue; until then nothing is.
#include "components/extensions/file_storage/config.h"
#include "engine/component.h"
#include "io/fs.h"

namespace weir::extensions::file_storage {

class FileStorage : public engine::Extension {
 public:
  FileStorage(const Config& config, const engine::ExtensionContext& context, io::Fs& fs)
      : config_(config), id_(context.id.to_string()), fs_(fs) {}

  // Blocks for up to `timeout` while another process has the directory.
  Result<> start() override;
  void stop() override { lock_.reset(); }

 private:
  Result<> take_lock();

  Config config_;
  std::string id_;
  io::Fs& fs_;
  std::shared_ptr<void> lock_;  // nobody else's: the token that releases
};

}  // namespace weir::extensions::file_storage
