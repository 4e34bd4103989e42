#pragma once
// What sampling has written into a W3C trace state.
#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::otlp {

// Thresholds are numbers of 56 bits: traces whose random number is not below it are kept.
inline constexpr std::uint64_t every_sample = std::uint64_t{1} << 56;

// The sampling threshold (ot=th); nullopt where there is none or the trace state is broken.
std::optional<std::uint64_t> sampling_threshold(std::string_view trace_state);

}  // namespace weir::otlp
