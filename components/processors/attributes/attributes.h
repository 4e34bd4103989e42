#pragma once
// Runs a list of actions over the attributes of spans, log records or all data points, those that include and exclude
// select. Items that come out the same keep their bytes.
#include "components/processors/attributes/config.h"
#include "engine/out.h"

namespace weir::processors::attributes {

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, otlp::Signal signal);

}  // namespace weir::processors::attributes
