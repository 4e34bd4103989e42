#include "ottl/function.h"
namespace weir::ottl {
std::span<const FunctionInfo> collection_functions() { return {}; }
std::span<const FunctionInfo> pattern_functions() { return {}; }
std::span<const FunctionInfo> parse_functions() { return {}; }
std::span<const FunctionInfo> xml_functions() { return {}; }
std::span<const FunctionInfo> lambda_functions() { return {}; }
std::span<const FunctionInfo> metric_functions() { return {}; }
std::span<const FunctionInfo> span_functions() { return {}; }
}
