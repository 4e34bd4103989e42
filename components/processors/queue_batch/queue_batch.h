#pragma once
#include "components/processors/queue_batch/config.h"
#include "engine/out.h"

namespace weir::processors::queue_batch {

std::unique_ptr<engine::Stage> make_stage(const Config& config, const engine::StageContext& context);

}  // namespace weir::processors::queue_batch
