#include "ottl/function.h"
namespace weir::ottl {
std::span<const FunctionInfo> xml_functions() { return {}; }
}
