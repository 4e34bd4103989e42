#pragma once
// Letter case beyond ASCII, and walking over UTF-8.
#include <cstdint>
#include <string>
#include <string_view>

namespace weir::ottl {

// The character at the front, removed from `text`; U+FFFD for a byte that starts none.
char32_t take_rune(std::string_view& text);
// Without Unicode's white space at both ends, as Go's strings.TrimSpace.
std::string_view trim_space(std::string_view text);
// One character becomes one character, as in Go's strings.ToUpper and ToLower.
std::string to_upper_case(std::string_view text);
std::string to_lower_case(std::string_view text);
// Words joined by _ in lower case, and joined without anything but with capitals. ASCII letters only.
std::string to_snake_case(std::string_view text);
std::string to_camel_case(std::string_view text);

}  // namespace weir::ottl
