#pragma once
#include "base/regex.h"

namespace weir::connectors::spanmetrics {

// Patterns for attribute names: `*` any run without a dot, `**` any run, `?` one character but a dot, `[a-z]` `[!abc]`
// one of some, `{a,b}` one of several patterns, `\` takes the next character as it is. Match with matches_all().
Result<Regex> compile_glob(std::string_view pattern);

}  // namespace weir::connectors::spanmetrics
