#pragma once
// Numbers as Go reads and converts them, which is what the collector's conversions do.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir {

// strconv.ParseInt(text, 10, 64).
std::optional<std::int64_t> parse_go_int(std::string_view text);
// strconv.ParseFloat(text, 64): decimal or 0x…p…, underscores between digits, inf, infinity, nan; not what overflows.
std::optional<double> parse_go_double(std::string_view text);
// %v of fmt: the fewest digits that read back as the same number, with an exponent below 1e-4 and from 1e6 on.
std::string go_text_of(double value);
// int64(value) on amd64: what does not fit becomes the smallest number.
std::int64_t go_int_of(double value);
// math.Log(value) on amd64, to the last bit; `value` is above 0. Denormal numbers are logarithms of numbers near 2^-1023 there.
double go_log(double value);

}  // namespace weir
