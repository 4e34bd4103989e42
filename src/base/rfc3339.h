#pragma once
// Times as text, with any offset: "2023-11-14T22:13:20.5+01:00". The other way: format_rfc3339() in time.h.
#include <cstdint>
#include <optional>
#include <string_view>

namespace weir {

// Nanoseconds since 1970; times before that are negative numbers. They wrap where 64 bits end. nullopt: not such a text.
std::optional<std::int64_t> parse_rfc3339(std::string_view text);

// ".25" as nanoseconds, 0 if `text` begins otherwise; what is behind it is left in `text`. False for a lone point.
bool read_fraction(std::string_view& text, std::uint64_t& nanos);

}  // namespace weir
