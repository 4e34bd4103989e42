#pragma once
// Character encodings and the four kinds of base64.
#include <string>
#include <string_view>

namespace weir::ottl {

// "base64", "base64-raw", "base64-url", "base64-raw-url". False for another word.
bool encode_base64_variant(std::string_view variant, std::string_view bytes, std::string& out);

// Base64 variants and the names iconv knows.
bool known_encoding(std::string_view name);
// Bytes that mean nothing in the encoding become U+FFFD. False, with the reason, for an unknown name or broken base64.
bool decode_text(std::string_view encoding, std::string_view bytes, std::string& out, std::string& wrong);

}  // namespace weir::ottl
