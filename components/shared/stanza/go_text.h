#pragma once
// Texts as Go reads them.
#include <string>
#include <string_view>

#include "base/arena.h"

namespace weir::stanza {

// strconv.Unquote. False for what is no quoted text.
bool unquote_go(std::string_view text, std::string& out);
// Runs of bytes that are not UTF-8 become one U+FFFD each. `text` itself when it is valid.
std::string_view to_valid_utf8(std::string_view text, Arena& arena);

}  // namespace weir::stanza
