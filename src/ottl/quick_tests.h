#pragma once
// The conditions that are met most, without values in between: what stands in the telemetry against a literal. Each
// gives what CompareNode and CallTest give.
#include "ottl/text/pattern.h"

namespace weir::ottl {

// `path OP literal`. Null when there is no such test for these nodes; then they are left as they are.
TestNodePtr quick_comparison(Op op, NodePtr& left, NodePtr& right);

// IsMatch(target, pattern), both of which lie in `call`. Null likewise.
TestNodePtr quick_match(const Node& target, const Pattern& pattern, NodePtr& call);

}  // namespace weir::ottl
