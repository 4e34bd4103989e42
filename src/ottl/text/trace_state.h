#pragma once
// W3C tracestate: "key=value" members, newest first.
#include <string>
#include <string_view>

namespace weir::ottl {

bool trace_state_valid(std::string_view state);
// "" when the key is not there.
std::string_view trace_state_get(std::string_view state, std::string_view key);
// Puts the member in front, in place of one with the same key; a 33rd member falls off the end. False when key or value
// are not allowed.
bool trace_state_insert(std::string_view state, std::string_view key, std::string_view value, std::string& out);

}  // namespace weir::ottl
