#pragma once
#include "components/processors/tail_sampling/config.h"
#include "engine/out.h"

namespace weir::processors::tail_sampling {

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, const engine::StageContext& context);

}  // namespace weir::processors::tail_sampling
