#pragma once
// Runs a list of actions over the attributes of each resource. Resources that come out the same keep their bytes.
#include "components/processors/resource/config.h"
#include "engine/out.h"

namespace weir::processors::resource {

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config);

}  // namespace weir::processors::resource
