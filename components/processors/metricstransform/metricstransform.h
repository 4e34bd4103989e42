#pragma once
#include "components/processors/metricstransform/config.h"
#include "engine/component.h"

namespace weir::processors::metricstransform {

Result<std::unique_ptr<engine::Stage>> make(const Config& config);

}  // namespace weir::processors::metricstransform
