#pragma once
// Adds what Kubernetes knows of the pod that data comes from.
#include "components/processors/k8sattributes/config.h"
#include "engine/out.h"

namespace weir::processors::k8sattributes {

Result<std::unique_ptr<engine::Stage>> make_stage(const void* config, engine::StageContext& context);

}  // namespace weir::processors::k8sattributes
