#include "components/processors/redaction/config.h"

#include "base/regex.h"

namespace weir::processors::redaction {
namespace {

bool switches_on(const config::Value& value) {
  if (!value.is_map()) return false;
  for (auto& entry : value.entries()) {
    if (entry.key == "enabled" && entry.value.kind() == config::Value::Kind::boolean && entry.value.as_bool()) return true;
    if (switches_on(entry.value)) return true;
  }
  return false;
}

}  // namespace

using config::field;

std::span<const config::Choice> choices_of(Hash) {
  static constexpr config::Choice rows[] = {{"", Hash::none}, {"sha1", Hash::sha1}, {"sha3", Hash::sha3}, {"md5", Hash::md5}, {"hmac-sha256", Hash::hmac_sha256}, {"hmac-sha512", Hash::hmac_sha512}};
  return rows;
}

Result<Sanitizer> Sanitizer::decode(const config::Value& value, config::Context&) {
  if (switches_on(value)) return fail(Errc::config, "this sanitizer is not supported; use blocked_values, or the transform processor");
  return Sanitizer{value};
}

std::span<const config::FieldInfo> Config::fields() {
  using T = Config;
  static const std::array rows{
      field<&T::allow_all_keys>("allow_all_keys", "Keep attributes of every name."),
      field<&T::allowed_keys>("allowed_keys", "Attributes that are kept; all others are removed."),
      field<&T::blocked_key_patterns>("blocked_key_patterns", "Regular expressions of names whose values are masked."),
      field<&T::ignored_keys>("ignored_keys", "Attributes that are left as they are."),
      field<&T::ignored_key_patterns>("ignored_key_patterns", "The same by regular expressions."),
      field<&T::blocked_values>("blocked_values", "Regular expressions; what they match in a value is masked."),
      field<&T::allowed_values>("allowed_values", "Regular expressions of values that are not masked."),
      field<&T::redact_all_types>("redact_all_types", "Look at the values of all types as texts; otherwise at texts only."),
      field<&T::hash_function>("hash_function", "Mask with a hash of what is masked instead of ****."),
      field<&T::hmac_key>("hmac_key", "Key of the hmac functions, at least 32 or 64 bytes."),
      field<&T::summary>("summary", "info: count what was done in attributes redaction.*; debug: and name it; silent, and every other word: neither."),
      field<&T::url_sanitizer>("url_sanitizer", "Not supported: refused when it is enabled."),
      field<&T::db_sanitizer>("db_sanitizer", "Not supported: refused when it is enabled."),
  };
  return rows;
}

void Config::validate(config::Context& context) const {
  auto check = [&](std::string_view key, const std::vector<std::string>& patterns) {
    for (auto& pattern : patterns)
      if (auto regex = Regex::compile(pattern); !regex) context.error_at(key, fmt::format("error compiling regex in list: {}", regex.error().what));
  };
  check("blocked_key_patterns", blocked_key_patterns);
  check("ignored_key_patterns", ignored_key_patterns);
  check("blocked_values", blocked_values);
  check("allowed_values", allowed_values);
  if (hash_function != Hash::hmac_sha256 && hash_function != Hash::hmac_sha512) return;
  std::size_t least = hash_function == Hash::hmac_sha256 ? 32 : 64, size = hmac_key.reveal().size();
  if (size < least) context.error_at("hmac_key", fmt::format("hmac_key must be at least {} bytes long, got {} bytes", least, size));
}

}  // namespace weir::processors::redaction
