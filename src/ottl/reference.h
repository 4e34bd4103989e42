#pragma once
#include <string>

namespace weir::ottl {

// docs/reference/ottl-functions.md, from the function table.
std::string function_reference();

}  // namespace weir::ottl
