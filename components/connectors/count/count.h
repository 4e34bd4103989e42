#pragma once
// Counts the items of each batch, by resource, and sends the counts on as delta sums. Keeps nothing between batches.
#include "components/connectors/count/config.h"
#include "engine/out.h"
#include "ottl/ottl.h"

namespace weir::connectors::count {

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, engine::StageContext& context);

}  // namespace weir::connectors::count
