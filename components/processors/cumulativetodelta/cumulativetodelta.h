#pragma once
#include "components/processors/cumulativetodelta/config.h"
#include "engine/component.h"

namespace weir::processors::cumulativetodelta {

Result<std::unique_ptr<engine::Stage>> make(const Config& config, engine::StageContext& context);

}  // namespace weir::processors::cumulativetodelta
