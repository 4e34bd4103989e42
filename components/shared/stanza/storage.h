#pragma once
// Where a log receiver keeps positions.
#include "config/component_id.h"
#include "engine/component.h"
#include "storage/checkpoints.h"

namespace weir::stanza {

// The directory of the extension `storage`, or with an empty id the host's own; empty: there is none.
Result<std::string> storage_directory(engine::Host& host, const config::ComponentId& storage);

// A receiver's checkpoints in that directory. What is damaged of them is counted.
Result<weir::storage::Checkpoints> open_checkpoints(const engine::ReceiverContext& context, const std::string& directory);
std::string checkpoints_name(const config::ComponentId& receiver);

}  // namespace weir::stanza
