#include "components/shared/stanza/storage.h"

#include "components/shared/storage/storage_extension.h"

namespace weir::stanza {

Result<std::string> storage_directory(engine::Host& host, const config::ComponentId& storage) {
  if (storage.type.empty()) return host.data_directory();
  auto* found = dynamic_cast<weir::storage::StorageExtension*>(host.extension(storage));
  if (found == nullptr) return fail(Errc::config, "there is no running storage extension \"{}\"", storage.to_string());
  return found->directory();
}

std::string checkpoints_name(const config::ComponentId& receiver) { return weir::storage::checkpoint_name("receiver", receiver.type, receiver.name); }

Result<weir::storage::Checkpoints> open_checkpoints(const engine::ReceiverContext& context, const std::string& directory) {
  auto& damaged = context.host.metrics().counter("weir_kept_state_damaged", "States from before a restart that could not be read.", {{"component", context.id.to_string()}});
  WEIR_ASSIGN(auto opened, weir::storage::Checkpoints::open(context.host.fs(), {.directory = directory, .name = checkpoints_name(context.id)}));
  damaged.add(opened.damaged());
  return opened;
}

}  // namespace weir::stanza
