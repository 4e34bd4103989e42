#pragma once
// Keeps secrets out of what people read: logs, messages, printed configurations.
#include <string>
#include <string_view>

namespace weir {

// "https://user:pw@host/path?key=1" becomes "https://[REDACTED]@host/path?[REDACTED]". Also for a text in which URLs
// stand; all else stays.
std::string mask_urls(std::string_view text);

// Whether what stands below a key of this name is secret by its name: password, client_secret, api-key, key_pem,
// headers, ... Any case.
bool is_secret_key(std::string_view key);

// One line (from 1) of a configuration text as it may be shown: the values of secret keys are replaced, and all of the
// line when a key above it is secret. Works on text that is not valid YAML, too.
std::string mask_line(std::string_view text, std::size_t line);

}  // namespace weir
