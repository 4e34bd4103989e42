#pragma once
// Where a queue is on disk, if it is.
#include "components/shared/exporting/exporting.h"

namespace weir::exporting {

// nullopt: in memory. An error: the settings name a place that there is not.
Result<std::optional<DiskSettings>> place_of(const Settings& settings, const engine::StageContext& context);

}  // namespace weir::exporting
