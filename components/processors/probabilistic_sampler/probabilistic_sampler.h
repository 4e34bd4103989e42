#pragma once
// Keeps a share of the spans or log records, decided on by trace, and says on what is kept how large the share was.
#include "components/processors/probabilistic_sampler/config.h"
#include "engine/out.h"

namespace weir::processors::probabilistic_sampler {

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, engine::StageContext& context);

}  // namespace weir::processors::probabilistic_sampler
