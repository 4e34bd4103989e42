#include "otlp/trace_state.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace weir::otlp {
namespace {

constexpr std::size_t hex_digits = 14, most_members = 31, longest_trace_state = 1024, longest_ot = 256, longest_key = 256,
                      longest_value = 256, longest_tenant = 241, longest_system = 14;

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_key_char(char c) { return is_lower(c) || is_digit(c) || c == '_' || c == '-' || c == '*' || c == '/'; }
bool is_value_char(char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; }

bool valid_key(std::string_view key) {
  if (key.empty() || key.size() > longest_key) return false;
  std::size_t at = key.find('@');
  if (at == key.npos) return is_lower(key[0]) && std::all_of(key.begin(), key.end(), is_key_char);
  std::string_view tenant = key.substr(0, at), system = key.substr(at + 1);
  if (tenant.empty() || system.empty() || tenant.size() > longest_tenant || system.size() > longest_system) return false;
  return (is_lower(tenant[0]) || is_digit(tenant[0])) && is_lower(system[0]) && std::all_of(tenant.begin(), tenant.end(), is_key_char) &&
         std::all_of(system.begin(), system.end(), is_key_char);
}

bool valid_value(std::string_view value) {
  return !value.empty() && value.size() <= longest_value && value.back() != ' ' && std::all_of(value.begin(), value.end(), is_value_char);
}

std::optional<std::uint64_t> parse_hex(std::string_view text) {
  std::uint64_t out = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, 16);
  if (error != std::errc{} || end != text.data() + text.size()) return {};
  return out;
}

bool valid_ot_member(std::string_view key, std::string_view value) {
  auto plain = [](char c) { return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-'; };
  return !key.empty() && is_lower(key[0]) && std::all_of(key.begin(), key.end(), [](char c) { return is_lower(c) || is_digit(c); }) &&
         std::all_of(value.begin(), value.end(), plain);
}

// The members of `ot`: key:value;key:value. False when broken.
bool parse_ot(std::string_view text, std::optional<std::uint64_t>& threshold) {
  if (text.empty() || text.size() > longest_ot) return false;
  for (std::string_view member : split(text, ';')) {
    std::size_t colon = member.find(':');
    if (colon == member.npos) return false;
    std::string_view key = member.substr(0, colon), value = member.substr(colon + 1);
    if (!valid_ot_member(key, value)) return false;
    if (key == "rv" && (value.size() != hex_digits || !parse_hex(value))) return false;
    if (key != "th") continue;
    if (value.empty() || value.size() > hex_digits) return false;
    auto parsed = parse_hex(value);
    if (!parsed) return false;
    threshold = *parsed << 4 * (hex_digits - value.size());
  }
  return true;
}

}  // namespace

std::optional<std::uint64_t> sampling_threshold(std::string_view trace_state) {
  if (trace_state.size() > longest_trace_state || trace_state.find("ot=") == trace_state.npos) return {};
  std::optional<std::uint64_t> threshold;
  std::size_t members = 0;
  for (std::string_view member : split(trace_state, ',')) {
    if (++members > most_members) return {};
    std::size_t first = member.find_first_not_of(" \t");
    if (first == member.npos) continue;
    member = member.substr(first, member.find_last_not_of(" \t") + 1 - first);
    std::size_t equals = member.find('=');
    if (equals == member.npos) return {};
    std::string_view key = member.substr(0, equals), value = member.substr(equals + 1);
    if (!valid_key(key) || !valid_value(value)) return {};
    if (key == "ot" && !parse_ot(value, threshold)) return {};
  }
  return threshold;
}

}  // namespace weir::otlp
