#pragma once
// Numbers as Go reads and converts them, which is what the collector's conversions do.
#include <cstdint>
#include <optional>
#include <string_view>

namespace weir {

// strconv.ParseInt(text, 10, 64).
std::optional<std::int64_t> parse_go_int(std::string_view text);
// strconv.ParseFloat(text, 64): decimal or 0x…p…, underscores between digits, inf, infinity, nan; not what overflows.
std::optional<double> parse_go_double(std::string_view text);
// int64(value) on amd64: what does not fit becomes the smallest number.
std::int64_t go_int_of(double value);
// math.Log(value) on amd64, to the last bit; `value` is above 0. Denormal numbers are logarithms of numbers near 2^-1023 there.
double go_log(double value);

}  // namespace weir
