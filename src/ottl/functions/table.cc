// The one list of functions.
#include <unordered_map>

#include "ottl/function.h"

namespace weir::ottl {

std::span<const FunctionInfo> function_table() {
  static const std::vector<FunctionInfo> table = [] {
    std::vector<FunctionInfo> all;
    for (auto part : {editor_functions(), replace_functions(), metric_functions(), aggregate_functions(), histogram_functions(), span_functions(),
                      type_functions(), text_functions(), hash_functions(), time_functions(), collection_functions(), pattern_functions(),
                      parse_functions(), log_functions(), network_functions(), user_agent_functions(), xml_functions(), lambda_functions()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return table;
}

const FunctionInfo* find_function(std::string_view name, ContextId context, const Options& options) {
  for (auto& info : function_table()) {
    if (info.name != name || !includes(info.in, context)) continue;
    bool caller = (static_cast<int>(info.callers) & static_cast<int>(options.caller)) != 0;
    if (caller && (!info.gated || options.lambdas)) return &info;
  }
  return nullptr;
}

}  // namespace weir::ottl
