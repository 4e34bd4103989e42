#pragma once
// Which process this is, as telemetry says it: service.instance.id.
#include <string>

namespace weir::telemetry {

// A random UUID, unless another text was set. May be called from every thread.
std::string instance_id();
void set_instance_id(std::string id);

}  // namespace weir::telemetry
