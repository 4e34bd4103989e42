#pragma once
// Where a log receiver keeps positions.
#include "config/component_id.h"
#include "engine/component.h"

namespace weir::stanza {

// The directory of the extension `storage`, or with an empty id the host's own; empty: there is none.
Result<std::string> storage_directory(engine::Host& host, const config::ComponentId& storage);

}  // namespace weir::stanza
