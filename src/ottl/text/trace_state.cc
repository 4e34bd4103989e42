#include "ottl/text/trace_state.h"

#include "base/text.h"

namespace weir::ottl {
namespace {

constexpr std::size_t max_members = 32;

bool lower(char c) { return c >= 'a' && c <= 'z'; }
bool digit(char c) { return c >= '0' && c <= '9'; }

bool key_rest(std::string_view text, std::size_t limit) {
  return text.size() <= limit && std::all_of(text.begin(), text.end(), [](char c) {
           return lower(c) || digit(c) || c == '_' || c == '-' || c == '*' || c == '/';
         });
}

bool valid_key(std::string_view key) {
  if (key.empty()) return false;
  std::size_t at = key.find('@');
  if (at == std::string_view::npos) return lower(key[0]) && key_rest(key.substr(1), 255);
  std::string_view tenant = key.substr(0, at), system = key.substr(at + 1);
  return !tenant.empty() && (lower(tenant[0]) || digit(tenant[0])) && key_rest(tenant.substr(1), 240) && !system.empty() &&
         lower(system[0]) && key_rest(system.substr(1), 13);
}

bool valid_value(std::string_view value) {
  return !value.empty() && value.size() <= 256 && value.back() != ' ' &&
         std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c <= 0x7E && c != ',' && c != '='; });
}

// Calls f(key, value) for each member; false when one is malformed.
template <class F>
bool each(std::string_view state, F f) {
  if (state.empty()) return true;
  for (std::string_view member : split(state, ',')) {
    while (!member.empty() && (member.front() == ' ' || member.front() == '\t')) member.remove_prefix(1);
    while (!member.empty() && (member.back() == ' ' || member.back() == '\t')) member.remove_suffix(1);
    if (member.empty()) continue;
    std::size_t equals = member.find('=');
    if (equals == std::string_view::npos) return false;
    std::string_view key = member.substr(0, equals), value = member.substr(equals + 1);
    if (!valid_key(key) || !valid_value(value)) return false;
    f(key, value);
  }
  return true;
}

}  // namespace

bool trace_state_valid(std::string_view state) {
  std::vector<std::string_view> seen;
  bool repeated = false;
  bool formed = each(state, [&](std::string_view key, std::string_view) {
    repeated |= std::find(seen.begin(), seen.end(), key) != seen.end();
    seen.push_back(key);
  });
  return formed && !repeated && seen.size() <= max_members;
}

std::string_view trace_state_get(std::string_view state, std::string_view key) {
  std::string_view found;
  each(state, [&](std::string_view k, std::string_view v) {
    if (k == key) found = v;
  });
  return found;
}

bool trace_state_insert(std::string_view state, std::string_view key, std::string_view value, std::string& out) {
  if (!valid_key(key) || !valid_value(value)) return false;
  out = fmt::format("{}={}", key, value);
  std::size_t members = 1;
  each(state, [&](std::string_view k, std::string_view v) {
    if (k == key || members == max_members) return;
    out += fmt::format(",{}={}", k, v);
    ++members;
  });
  return true;
}

}  // namespace weir::ottl
