#include "components/processors/probabilistic_sampler/trace_state.h"

namespace weir::processors::probabilistic_sampler {
namespace {

constexpr std::size_t max_size = 1024, max_members = 32, max_value = 256, max_key = 256, max_tenant = 241, max_system = 14;
constexpr std::size_t max_ot_size = 256;

bool lower(char c) { return c >= 'a' && c <= 'z'; }
bool digit(char c) { return c >= '0' && c <= '9'; }
bool key_char(char c) { return lower(c) || digit(c) || c == '_' || c == '-' || c == '*' || c == '/'; }
bool ot_value_char(char c) { return lower(c) || (c >= 'A' && c <= 'Z') || digit(c) || c == '.' || c == '_' || c == '-'; }
// Printable ASCII but ',' and '='.
bool value_char(char c) { return c >= 0x20 && c <= 0x7e && c != ',' && c != '='; }

bool all(std::string_view text, bool (*test)(char)) { return std::all_of(text.begin(), text.end(), test); }

bool valid_key(std::string_view key) {
  auto at = key.find('@');
  if (at == key.npos) return !key.empty() && lower(key[0]) && all(key, key_char);
  std::string_view tenant = key.substr(0, at), system = key.substr(at + 1);
  return !tenant.empty() && !system.empty() && (lower(tenant[0]) || digit(tenant[0])) && lower(system[0]) &&
         all(tenant, key_char) && all(system, key_char);
}

bool valid_value(std::string_view value) {
  return !value.empty() && value.size() <= max_value && value.back() != ' ' && all(value, value_char);
}

bool short_enough(std::string_view key) {
  if (key.size() > max_key) return false;
  auto at = key.find('@');
  return at == key.npos || (at <= max_tenant && key.size() - at - 1 <= max_system);
}

std::string_view trimmed(std::string_view text) {
  auto from = text.find_first_not_of(" \t");
  if (from == text.npos) return {};
  return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

// Calls f(part) for what lies between separators; nothing follows a separator at the end. Stops when f says no.
template <class F>
bool each_part(std::string_view text, char separator, F f) {
  while (!text.empty()) {
    auto end = text.find(separator);
    if (!f(text.substr(0, end))) return false;
    if (end == text.npos) break;
    text.remove_prefix(end + 1);
  }
  return true;
}

bool valid(std::string_view text) {
  return each_part(text, ',', [](std::string_view part) {
    part = trimmed(part);
    auto equals = part.find('=');
    return part.empty() || (equals != part.npos && valid_key(part.substr(0, equals)) && valid_value(part.substr(equals + 1)));
  });
}

bool valid_ot(std::string_view text) {
  if (text.empty() || text.back() == ';') return false;
  return each_part(text, ';', [](std::string_view part) {
    auto colon = part.find(':');
    if (colon == part.npos || colon == 0) return false;
    std::string_view key = part.substr(0, colon);
    return lower(key[0]) && all(key, [](char c) { return lower(c) || digit(c); }) && all(part.substr(colon + 1), ot_value_char);
  });
}

}  // namespace

bool TraceState::read(std::string_view text) {
  *this = {};
  if (text.size() > max_size || !valid(text)) return false;
  std::size_t members = 0;
  bool fine = true;
  bool few = each_part(text, ',', [&](std::string_view part) {
    if (++members >= max_members) return false;
    part = trimmed(part);
    auto equals = part.find('=');
    if (equals != part.npos && !read_member(part.substr(0, equals), part.substr(equals + 1))) fine = false;
    return true;
  });
  return few && fine;
}

bool TraceState::read_member(std::string_view key, std::string_view value) {
  if (!short_enough(key)) return false;
  if (key == "ot") return read_ot(value);
  others_.push_back({key, value});
  return true;
}

bool TraceState::read_ot(std::string_view value) {
  randomness_.reset(), threshold_.reset();
  ot_others_.clear();
  if (value.size() > max_ot_size || !valid_ot(value)) return false;
  bool fine = true;
  each_part(value, ';', [&](std::string_view part) {
    auto colon = part.find(':');
    if (!read_ot_field(part.substr(0, colon), part.substr(colon + 1))) fine = false;
    return true;
  });
  return fine;
}

bool TraceState::read_ot_field(std::string_view key, std::string_view value) {
  if (key == "rv") {
    randomness_ = parse_randomness(value);
    randomness_text_ = value;
    return randomness_.has_value();
  }
  if (key == "th") {
    threshold_ = parse_threshold(value);
    threshold_text_ = value;
    return threshold_.has_value();
  }
  ot_others_.push_back({key, value});
  return true;
}

std::string TraceState::write() const {
  std::string ot, out;
  auto add = [](std::string& to, char separator, std::string_view key, char sign, std::string_view value) {
    if (!to.empty()) to += separator;
    to += key;
    to += sign;
    to += value;
  };
  if (randomness_) add(ot, ';', "rv", ':', randomness_text_.empty() ? to_text(*randomness_) : std::string(randomness_text_));
  if (threshold_) add(ot, ';', "th", ':', threshold_text_.empty() ? to_text(*threshold_) : std::string(threshold_text_));
  for (auto& pair : ot_others_) add(ot, ';', pair.key, ':', pair.value);
  if (!ot.empty()) add(out, ',', "ot", '=', ot);
  for (auto& pair : others_) add(out, ',', pair.key, '=', pair.value);
  return out;
}

}  // namespace weir::processors::probabilistic_sampler
