#include "components/processors/probabilistic_sampler/threshold.h"

#include <charconv>

namespace weir::processors::probabilistic_sampler {
namespace {

constexpr int bits_per_digit = 4;

std::optional<std::uint64_t> parse_hex(std::string_view hex) {
  std::uint64_t out = 0;
  auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), out, 16);
  if (error != std::errc{} || end != hex.data() + hex.size()) return {};
  return out;
}

// FNV-1a, 32 bit, of the seed's four bytes (least first) and the text.
std::uint32_t hash(std::string_view bytes, std::uint32_t seed) {
  std::uint32_t out = 2166136261;
  auto take = [&](std::uint32_t byte) { out = (out ^ byte) * 16777619; };
  for (unsigned shift = 0; shift < 32; shift += 8) take(seed >> shift & 0xFF);
  for (char c : bytes) take(static_cast<unsigned char>(c));
  return out;
}

}  // namespace

Randomness randomness_of(const otlp::TraceId& id) {
  std::uint64_t out = 0;
  for (std::size_t i = 9; i < id.bytes.size(); ++i) out = out << 8 | id.bytes[i];
  return {out};
}

Randomness hashed_randomness(std::string_view bytes, std::uint32_t seed) {
  constexpr std::uint64_t buckets = 1 << 14;
  std::uint32_t hashed = hash(bytes, seed);
  std::uint64_t low = hashed & (buckets - 1), high = hashed >> 18;
  return {(buckets - 1 - low) << 42 | (high ^ high << 10) << 14 | low};
}

std::optional<Threshold> threshold_of(double probability, int precision) {
  if (!(probability >= min_probability && probability <= 1)) return {};
  if (probability == 1) return always;
  int exponent = 0, rest_exponent = 0;
  std::frexp(probability, &exponent);
  std::frexp(1 - probability, &rest_exponent);
  int digits = std::min(hex_digits, precision + std::max(exponent / -bits_per_digit, rest_exponent / -bits_per_digit));
  auto scaled = static_cast<std::uint64_t>(std::round(probability * static_cast<double>(max_adjusted_count)));
  std::uint64_t out = max_adjusted_count - scaled;
  if (int shift = bits_per_digit * (hex_digits - digits); shift != 0) out = (out + (std::uint64_t{1} << (shift - 1))) >> shift << shift;
  return Threshold{out};
}

std::optional<Randomness> parse_randomness(std::string_view hex) {
  if (hex.size() != hex_digits) return {};
  auto value = parse_hex(hex);
  if (!value) return {};
  return Randomness{*value};
}

std::optional<Threshold> parse_threshold(std::string_view hex) {
  if (hex.empty() || hex.size() > hex_digits) return {};
  auto value = parse_hex(hex);
  if (!value) return {};
  return Threshold{*value << (bits_per_digit * (hex_digits - static_cast<int>(hex.size())))};
}

std::string to_text(Randomness randomness) { return fmt::format("{:014x}", randomness.value); }

std::string to_text(Threshold threshold) {
  if (threshold.value == always.value) return "0";
  if (threshold.value >= never.value) return "";
  std::string out = to_text(Randomness{threshold.value});
  out.erase(out.find_last_not_of('0') + 1);
  return out;
}

}  // namespace weir::processors::probabilistic_sampler
