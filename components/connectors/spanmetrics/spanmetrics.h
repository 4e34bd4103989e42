#pragma once
#include "components/connectors/spanmetrics/config.h"
#include "engine/out.h"

namespace weir::connectors::spanmetrics {

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, const engine::StageContext& context);

}  // namespace weir::connectors::spanmetrics
