#include "components/shared/stanza/go_text.h"

#include <charconv>

#include "base/text.h"
#include "base/utf8.h"
#include "ottl/text/unicode.h"

namespace weir::stanza {
namespace {

// One escape behind a backslash, taken off `text`.
bool take_escape(std::string_view& text, char quote, std::string& out) {
  constexpr std::string_view names = "abfnrtv", values = "\a\b\f\n\r\t\v";
  if (text.empty()) return false;
  char c = text[0];
  text.remove_prefix(1);
  if (auto i = names.find(c); i != names.npos) return out += values[i], true;
  if (c == '\\' || c == quote) return out += c, true;
  std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : c >= '0' && c <= '7' ? 3 : 0;
  if (digits == 0) return false;
  std::string part(c >= '0' && c <= '7' ? std::string(1, c) : "");
  std::size_t more = digits - part.size();
  if (text.size() < more) return false;
  part += text.substr(0, more);
  text.remove_prefix(more);
  std::uint32_t code = 0;
  auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), code, digits == 3 ? 8 : 16);
  if (error != std::errc{} || end != part.data() + part.size()) return false;
  if (digits <= 3) return code <= 255 && (out += static_cast<char>(code), true);
  if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
  return append_utf8(out, code), true;
}

}  // namespace

bool unquote_go(std::string_view text, std::string& out) {
  if (text.size() < 2 || text.front() != text.back()) return false;
  char quote = text.front();
  text = text.substr(1, text.size() - 2);
  out.clear();
  if (quote == '`') {
    if (text.contains('`')) return false;
    for (char c : text)
      if (c != '\r') out += c;
    return true;
  }
  if (quote != '"' && quote != '\'') return false;
  std::size_t characters = 0;
  while (!text.empty()) {
    char c = text[0];
    if (c == quote || c == '\n') return false;
    ++characters;
    if (c == '\\') {
      text.remove_prefix(1);
      if (!take_escape(text, quote, out)) return false;
    } else {
      std::string_view before = text;
      char32_t rune = ottl::take_rune(text);
      // Bytes that are no character become one.
      if (rune == U'\uFFFD')
        append_utf8(out, rune);
      else
        out += before.substr(0, before.size() - text.size());
    }
  }
  return quote == '"' || characters == 1;
}

std::string_view to_valid_utf8(std::string_view text, Arena& arena) {
  if (valid_utf8(text)) return text;
  std::string out;
  auto* p = reinterpret_cast<const unsigned char*>(text.data());
  bool replaced = false;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t n = utf8_length(p + i, text.size() - i);
    if (n > 0)
      out += text.substr(i, n);
    else if (!replaced)
      out += "\uFFFD";
    replaced = n == 0;
    i += std::max<std::size_t>(n, 1);
  }
  return arena.copy(out);
}

}  // namespace weir::stanza
