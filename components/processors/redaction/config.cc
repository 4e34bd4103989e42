#include "components/processors/redaction/config.h"

#include "base/regex.h"

namespace weir::processors::redaction {
using config::field;

std::span<const config::Choice> choices_of(Hash) {
  static constexpr config::Choice rows[] = {{"", Hash::none}, {"sha1", Hash::sha1}, {"sha3", Hash::sha3}, {"md5", Hash::md5}, {"hmac-sha256", Hash::hmac_sha256}, {"hmac-sha512", Hash::hmac_sha512}};
  return rows;
}

std::span<const config::FieldInfo> Sanitizer::fields() {
  using T = Sanitizer;
  static const std::array rows{
      field<&T::enabled>("enabled", "Whether it is used."),
      field<&T::attributes>("attributes", "Attributes that hold such texts."),
  };
  return rows;
}

std::span<const config::FieldInfo> UrlSanitizer::fields() {
  using T = UrlSanitizer;
  static const std::array rows{
      field<&T::enabled>("enabled", "Write * for the parts of a URL that look like ids, and leave out what follows the path."),
      field<&T::attributes>("attributes", "Attributes that hold URLs. Bodies of logs count as such, too."),
      field<&T::sanitize_span_name>("sanitize_span_name", "Names of clients' and servers' spans, too, when they have a slash or attributes of HTTP."),
  };
  return rows;
}

std::span<const config::FieldInfo> DbSanitizer::fields() {
  using T = DbSanitizer;
  static const std::array rows{
      field<&T::sql>("sql", "SQL: values, and digits in names, become ?."),
      field<&T::redis>("redis", "Commands of Redis: arguments that are values become ?."),
      field<&T::valkey>("valkey", "The same for Valkey."),
      field<&T::memcached>("memcached", "Commands of memcached: their first line only."),
      field<&T::mongo>("mongo", "JSON of MongoDB: all values become ?."),
      field<&T::opensearch>("opensearch", "The same for OpenSearch, in names of spans and bodies of logs only."),
      field<&T::es>("es", "The same for Elasticsearch."),
      field<&T::sanitize_span_name>("sanitize_span_name", "Names of clients', servers' and internal spans, too, when their attributes name such a database."),
  };
  return rows;
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
      field<&T::url_sanitizer>("url_sanitizer", "URLs without ids."),
      field<&T::db_sanitizer>("db_sanitizer", "Queries of databases without values."),
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
