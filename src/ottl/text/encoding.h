#pragma once
// Character encodings and the four kinds of base64.
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace weir::ottl {

// "base64", "base64-raw", "base64-url", "base64-raw-url". False for another word.
bool encode_base64_variant(std::string_view variant, std::string_view bytes, std::string& out);

// Base64 variants and the names iconv knows.
bool known_encoding(std::string_view name);
// Bytes that mean nothing in the encoding become U+FFFD. False, with the reason, for an unknown name or broken base64.
bool decode_text(std::string_view encoding, std::string_view bytes, std::string& out, std::string& wrong);

// A conversion to UTF-8 that is opened once, for many texts. One core.
class TextDecoder {
 public:
  // A name that decode_text() knows, but not base64. Errc::config otherwise.
  static Result<TextDecoder> open(std::string_view encoding);
  TextDecoder(TextDecoder&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  ~TextDecoder();
  // Appends. What means nothing in the encoding becomes U+FFFD.
  void decode(std::string_view bytes, std::string& out);

 private:
  TextDecoder() = default;
  void* handle_ = nullptr;  // a Converter
};

}  // namespace weir::ottl
