#pragma once
#include "components/exporters/prometheusremotewrite/config.h"

namespace weir::exporters::prometheusremotewrite {

Result<std::unique_ptr<engine::Stage>> make(const Config& config, engine::StageContext& context);

}  // namespace weir::exporters::prometheusremotewrite
