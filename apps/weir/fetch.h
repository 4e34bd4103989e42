#pragma once
// Configuration over http(s), before the cores run.
#include "base/result.h"

namespace weir::app {

// GET; anything but 200 is an error. At most 8 MiB and 30 s.
Result<std::string> fetch(std::string_view url);

}  // namespace weir::app
