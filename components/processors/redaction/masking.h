#pragma once
// What values become.
#include "base/regex.h"
#include "components/processors/redaction/config.h"

namespace weir::processors::redaction {

// Every match of the pattern is replaced, as Go's ReplaceAllStringFunc does it: an empty match right behind another is none.
std::string mask(std::string_view text, const Regex& pattern, Hash hash, std::string_view key);

}  // namespace weir::processors::redaction
