#include "ottl/function.h"
namespace weir::ottl {
std::span<const FunctionInfo> xml_functions() { return {}; }
std::span<const FunctionInfo> lambda_functions() { return {}; }
std::span<const FunctionInfo> metric_functions() { return {}; }
std::span<const FunctionInfo> span_functions() { return {}; }
}
