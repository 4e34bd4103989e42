#include "ottl/text/unicode.h"

#include <locale.h>
#include <wctype.h>

#include "base/utf8.h"

namespace weir::ottl {
namespace {

bool upper(char c) { return c >= 'A' && c <= 'Z'; }
bool lower(char c) { return c >= 'a' && c <= 'z'; }
bool digit(char c) { return c >= '0' && c <= '9'; }
bool separator(char c) { return c == ' ' || c == '_' || c == '-' || c == '.'; }
char raised(char c) { return lower(c) ? static_cast<char>(c - 32) : c; }
char lowered(char c) { return upper(c) ? static_cast<char>(c + 32) : c; }

// glibc's own UTF-8 locale: there on every system, and independent of the user's.
locale_t utf8_locale() {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return locale;
}

template <wint_t (*convert)(wint_t, locale_t)>
std::string mapped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    char32_t rune = take_rune(text);
    if (locale_t locale = utf8_locale(); locale != nullptr) rune = static_cast<char32_t>(convert(static_cast<wint_t>(rune), locale));
    append_utf8(out, rune);
  }
  return out;
}

bool is_space(char32_t c) {
  return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}

}  // namespace

char32_t take_rune(std::string_view& text) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  auto tail = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  unsigned char first = byte(0);
  char32_t rune = 0xFFFD;
  std::size_t size = 1;
  if (first < 0x80) {
    rune = first;
  } else if (first >= 0xC2 && first < 0xE0 && tail(1)) {
    rune = static_cast<char32_t>((first & 0x1F) << 6 | (byte(1) & 0x3F));
    size = 2;
  } else if (first >= 0xE0 && first < 0xF0 && tail(1) && tail(2)) {
    auto value = static_cast<char32_t>((first & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F));
    if (value >= 0x800 && (value < 0xD800 || value > 0xDFFF)) rune = value, size = 3;
  } else if (first >= 0xF0 && first < 0xF5 && tail(1) && tail(2) && tail(3)) {
    auto value = static_cast<char32_t>((first & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F));
    if (value >= 0x10000 && value <= 0x10FFFF) rune = value, size = 4;
  }
  text.remove_prefix(size);
  return rune;
}

std::string_view trim_space(std::string_view text) {
  std::size_t end = 0;
  std::string_view rest = text;
  while (!rest.empty()) {
    bool space = is_space(take_rune(rest));
    if (space && end == 0) text = rest;
    if (!space) end = text.size() - rest.size();
  }
  return text.substr(0, end);
}

std::string to_upper_case(std::string_view text) { return mapped<towupper_l>(text); }
std::string to_lower_case(std::string_view text) { return mapped<towlower_l>(text); }

std::string to_snake_case(std::string_view text) {
  text = trim_space(text);
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i], next = i + 1 < text.size() ? text[i + 1] : '\0';
    bool turn = (upper(c) && (lower(next) || digit(next))) || (lower(c) && (upper(next) || digit(next))) ||
                (digit(c) && (upper(next) || lower(next)));
    if (turn) {
      // The last capital of a run starts the next word: JSONData is json_data.
      if (upper(c) && lower(next) && i > 0 && upper(text[i - 1])) out += '_';
      out += lowered(c);
      if (lower(c) || digit(c) || digit(next)) out += '_';
    } else {
      out += separator(c) ? '_' : lowered(c);
    }
  }
  return out;
}

std::string to_camel_case(std::string_view text) {
  text = trim_space(text);
  std::string out;
  bool start = true, after_capital = false;
  for (char c : text) {
    char shown = start ? raised(c) : after_capital ? lowered(c) : c;
    after_capital = upper(c);
    if (upper(c) || lower(c)) {
      out += shown;
      start = false;
    } else if (digit(c)) {
      out += c;
      start = true;
    } else {
      start = separator(c);
    }
  }
  return out;
}

}  // namespace weir::ottl
