#pragma once
// Consistent probability sampling as OpenTelemetry defines it: 56 bits of randomness per trace, compared with a rejection
// threshold. What is sampled says its threshold, so that those behind can count it for more than one.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "otlp/model.h"

namespace weir::processors::probabilistic_sampler {

inline constexpr std::uint64_t max_adjusted_count = std::uint64_t{1} << 56;
inline constexpr int hex_digits = 14;
inline constexpr double min_probability = 1.0 / static_cast<double>(max_adjusted_count);

struct Randomness {
  std::uint64_t value = 0;  // below max_adjusted_count
};
// Sampled by every threshold but "never".
inline constexpr Randomness any_probability{max_adjusted_count - 1};

struct Threshold {
  std::uint64_t value = 0;  // max_adjusted_count: never

  bool samples(Randomness randomness) const { return value <= randomness.value; }
  double probability() const { return static_cast<double>(max_adjusted_count - value) / static_cast<double>(max_adjusted_count); }
};
inline constexpr Threshold always{0}, never{max_adjusted_count};

// The low 56 bits of the trace id.
Randomness randomness_of(const otlp::TraceId& id);
// 14 bits of an FNV hash, placed so that the thresholds of hash_seed mode compare with them; the other bits are filled.
Randomness hashed_randomness(std::string_view bytes, std::uint32_t seed);
// With at least `precision` hex digits, more where the probability is near 0 or 1. Nothing outside of (0, 1].
std::optional<Threshold> threshold_of(double probability, int precision);

// "rv" and "th" of the tracestate.
std::optional<Randomness> parse_randomness(std::string_view hex);
std::optional<Threshold> parse_threshold(std::string_view hex);
std::string to_text(Randomness randomness);
std::string to_text(Threshold threshold);  // without trailing zeros; "" for never

}  // namespace weir::processors::probabilistic_sampler
