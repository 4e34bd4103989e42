#pragma once
// Holds spans until their trace has waited long enough, then sends them on together.
#include "components/processors/groupbytrace/config.h"
#include "engine/out.h"

namespace weir::processors::groupbytrace {

std::unique_ptr<engine::Stage> make_stage(const Config& config, const engine::StageContext& context);

}  // namespace weir::processors::groupbytrace
