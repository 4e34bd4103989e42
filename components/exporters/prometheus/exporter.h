#pragma once
#include "components/exporters/prometheus/config.h"
#include "engine/out.h"

namespace weir::exporters::prometheus {

std::unique_ptr<engine::Stage> make_stage(const Config& config, const engine::StageContext& context);

}  // namespace weir::exporters::prometheus
