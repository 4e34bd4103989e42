#include "config/component_id.h"

#include "base/text.h"
#include "config/field.h"

namespace weir::config {
namespace {

constexpr std::size_t max_type = 63, max_name = 1024;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_word(char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_'; }
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

}  // namespace

Result<ComponentId> parse_component_id(std::string_view text) {
  auto whole = trim(text);
  if (whole.empty()) return fail(Errc::config, "id must not be empty");
  auto slash = whole.find('/');
  auto type = trim(whole.substr(0, slash));
  auto name = slash == whole.npos ? "" : trim(whole.substr(slash + 1));
  if (type.empty()) return fail(Errc::config, "in \"{}\" id: the part before / should not be empty", whole);
  if (slash != whole.npos && name.empty())
    return fail(Errc::config, "in \"{}\" id: the part after / should not be empty", whole);
  if (type.size() > max_type || !is_letter(type[0]) || !std::all_of(type.begin(), type.end(), is_word))
    return fail(Errc::config, "invalid type \"{}\": a letter, then letters, digits and underscores, at most {}",
                type.substr(0, max_type + 1), max_type);
  if (name.size() > max_name) return fail(Errc::config, "the name of a {} has more than {} bytes", type, max_name);
  if (std::any_of(name.begin(), name.end(), is_control) || !valid_utf8(name))
    return fail(Errc::config, "the name of a {} holds control characters or is not UTF-8", type);
  return ComponentId{std::string(type), std::string(name)};
}

Result<ComponentId> ComponentId::decode(const Value& value, Context&) {
  if (value.is_null() && !value.is_text()) return ComponentId{};
  if (!value.is_text()) return fail(Errc::config, "expected a component id, got {}", value.describe());
  return parse_component_id(value.text());
}

Value ComponentId::encode() const { return type.empty() ? Value() : Value::string(to_string()); }

}  // namespace weir::config
