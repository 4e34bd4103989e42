#pragma once
// Joins small requests into larger ones, by count or after a time, separately for each set of metadata values.
#include "components/processors/batch/config.h"
#include "engine/out.h"

namespace weir::processors::batch {

std::unique_ptr<engine::Stage> make_stage(const Config& config, const engine::StageContext& context);

}  // namespace weir::processors::batch
