#pragma once
// What components need to have logs: their directories, shared by all cores, and the host's workers.
#include "engine/component.h"
#include "storage/log.h"

namespace weir::storage {

// Jobs done by the host's workers for this core. A job that finds no place there is offered again.
Offload offload_to(io::Workers& workers, io::Executor& home);  // nobody waits for them
Offloads offloads_to(io::Workers& workers, io::Executor& home);

// The same object for all cores; blocks when it is opened first.
Result<std::shared_ptr<LogFiles>> shared_log_files(engine::Host& host, const std::string& directory);

// Letters, digits, '.', '_' and '-' as they are, others as %XX.
std::string file_name_of(std::string_view text);

}  // namespace weir::storage
