#pragma once
// Writes each request as one record to a file. Answered when the operating system has it.
#include "components/exporters/file/config.h"
#include "engine/out.h"
#include "io/fs.h"

namespace weir::exporters::file {

// `fs` must stay for as long as the process' shared state.
Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, const engine::StageContext& context, io::Fs& fs);

}  // namespace weir::exporters::file
