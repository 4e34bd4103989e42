#pragma once
// service::telemetry, in the spellings of old and new collectors.
#include "base/log.h"
#include "config/field.h"
#include "weir/settings.h"

namespace weir::app {

// Null: defaults. Applies nothing; see apply_logs().
OwnTelemetry read_telemetry(const config::Value* value, config::Problems& problems);

std::span<const config::FieldInfo> telemetry_fields();

}  // namespace weir::app
