#pragma once
// Go's fmt.Sprintf for OTTL values.
#include "ottl/value.h"

namespace weir::ottl {

// Never fails: a verb that does not fit its argument is written as Go does it, %!d(string=x).
std::string go_format(std::string_view format, std::span<const Value> arguments, Arena& scratch);
// Widths and precisions above this are refused like Go refuses those above a million.
inline constexpr int max_format_width = 10'000;

}  // namespace weir::ottl
