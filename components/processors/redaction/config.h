#pragma once
#include "config/field.h"

namespace weir::processors::redaction {

enum class Hash : std::uint8_t { none, sha1, sha3, md5, hmac_sha256, hmac_sha512 };
std::span<const config::Choice> choices_of(Hash);

// A sanitizer that is not there; only `enabled: false` is taken.
struct Sanitizer {
  config::Value settings;
  static Result<Sanitizer> decode(const config::Value& value, config::Context& context);
  config::Value encode() const { return settings; }
};

struct Config {
  bool allow_all_keys = false, redact_all_types = false;
  std::vector<std::string> allowed_keys, blocked_key_patterns, ignored_keys, ignored_key_patterns, blocked_values, allowed_values;
  Hash hash_function = Hash::none;
  config::Secret hmac_key;
  std::string summary;
  std::optional<Sanitizer> url_sanitizer, db_sanitizer;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

}  // namespace weir::processors::redaction
