#pragma once
#include "config/field.h"

namespace weir::processors::redaction {

enum class Hash : std::uint8_t { none, sha1, sha3, md5, hmac_sha256, hmac_sha512 };
std::span<const config::Choice> choices_of(Hash);

struct Sanitizer {
  bool enabled = false;
  std::vector<std::string> attributes;
  static std::span<const config::FieldInfo> fields();
};

struct UrlSanitizer : Sanitizer {
  bool sanitize_span_name = true;
  static std::span<const config::FieldInfo> fields();
};

struct DbSanitizer {
  Sanitizer sql, redis, valkey, memcached, mongo, opensearch, es;
  bool sanitize_span_name = true;
  static std::span<const config::FieldInfo> fields();
};

struct Config {
  bool allow_all_keys = false, redact_all_types = false;
  std::vector<std::string> allowed_keys, blocked_key_patterns, ignored_keys, ignored_key_patterns, blocked_values, allowed_values;
  Hash hash_function = Hash::none;
  config::Secret hmac_key;
  std::string summary;
  UrlSanitizer url_sanitizer;
  DbSanitizer db_sanitizer;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

}  // namespace weir::processors::redaction
