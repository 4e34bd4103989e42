#pragma once
// Times as Kubernetes writes them.
#include <string_view>

#include "base/time.h"

namespace weir::kube {

// "2024-01-02T03:04:05.25Z" -> nanoseconds; 0 for what is none, or before 1970.
UnixNanos parse_time(std::string_view rfc3339);

}  // namespace weir::kube
