#pragma once
#include <string>
#include <string_view>

namespace weir::app {

// Files that are read, as a table, from the Prometheus text of a running weir: size, read, arrived, behind.
std::string logs_table(std::string_view metrics);

}  // namespace weir::app
