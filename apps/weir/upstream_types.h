#pragma once
// The component types of the OpenTelemetry Collector's own distributions (core and contrib, 0.158): what a user may have
// in a configuration although this build lacks it.
#include "engine/component.h"

namespace weir::app {

bool is_upstream_type(engine::Kind kind, std::string_view type);

// Whether a feature gate of this name can be one of theirs: accepted here, without effect.
bool is_upstream_gate(std::string_view name);

}  // namespace weir::app
