#pragma once
// Drops what conditions hold for. Items that stay keep their bytes; of the others no more is decoded than the conditions
// look at.
#include "components/processors/filter/config.h"
#include "engine/out.h"

namespace weir::processors::filter {

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, engine::StageContext& context);

}  // namespace weir::processors::filter
