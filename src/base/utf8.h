#pragma once
// Characters as UTF-8.
#include <cstddef>
#include <string>

namespace weir {

// Length of the valid UTF-8 sequence at the front of `left` bytes, 0 when there is none. Table 3-7 of the Unicode standard.
inline std::size_t utf8_length(const unsigned char* p, std::size_t left) {
  auto tail = [&](std::size_t i) { return i < left && (p[i] & 0xC0) == 0x80; };
  if (p[0] < 0x80) return 1;
  if (p[0] < 0xC2) return 0;
  if (p[0] < 0xE0) return tail(1) ? 2 : 0;
  if (p[0] < 0xF0) {
    if (!tail(1) || !tail(2)) return 0;
    if (p[0] == 0xE0 && p[1] < 0xA0) return 0;
    if (p[0] == 0xED && p[1] > 0x9F) return 0;
    return 3;
  }
  if (p[0] < 0xF5) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if (p[0] == 0xF0 && p[1] < 0x90) return 0;
    if (p[0] == 0xF4 && p[1] > 0x8F) return 0;
    return 4;
  }
  return 0;
}

// U+FFFD for what is no character (surrogates, above U+10FFFF).
// The front of `text`, at most `most` bytes, without a part of a character at its end.
inline std::string_view cut_utf8(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;
  return text.substr(0, most);
}
void append_utf8(std::string& out, char32_t character);

}  // namespace weir
