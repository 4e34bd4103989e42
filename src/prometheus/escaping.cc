#include "prometheus/escaping.h"

#include <array>

#include <fmt/core.h>

#include "base/utf8.h"

namespace weir::prometheus {
namespace {

constexpr std::array<std::string_view, 4> names = {"allow-utf-8", "underscores", "dots", "values"};
constexpr char32_t replacement = 0xFFFD, last_character = 0x10FFFF;

bool is_plain(char c, bool first) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' || (!first && c >= '0' && c <= '9');
}

// The character at the front, which is taken away. What is not UTF-8 is U+FFFD, byte by byte.
char32_t take_character(std::string_view& text) {
  auto* p = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t size = utf8_length(p, text.size());
  char32_t out = replacement;
  if (size == 1) out = p[0];
  if (size == 2) out = char32_t{p[0] & 0x1Fu} << 6 | (p[1] & 0x3Fu);
  if (size == 3) out = char32_t{p[0] & 0x0Fu} << 12 | char32_t{p[1] & 0x3Fu} << 6 | (p[2] & 0x3Fu);
  if (size == 4) out = char32_t{p[0] & 0x07u} << 18 | char32_t{p[1] & 0x3Fu} << 12 | char32_t{p[2] & 0x3Fu} << 6 | (p[3] & 0x3Fu);
  text.remove_prefix(size == 0 ? 1 : size);
  return out;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size()) text.replace(at, from.size(), to);
}

// The character of "hex_" at the front, which is taken away; nothing when it is none.
std::optional<char32_t> take_hex(std::string_view& text) {
  char32_t value = 0;
  for (std::size_t i = 0; i < text.size() && i <= 6; ++i) {
    char c = static_cast<char>(text[i] | 0x20);
    if (text[i] == '_') {
      text.remove_prefix(i + 1);
      bool valid = value <= last_character && (value < 0xD800 || value > 0xDFFF);
      return valid ? std::optional(value) : std::nullopt;
    }
    bool digit = text[i] >= '0' && text[i] <= '9';
    if (i == 6 || (!digit && (c < 'a' || c > 'f'))) return {};
    value = value * 16 + static_cast<char32_t>(digit ? text[i] - '0' : c - 'a' + 10);
  }
  return {};
}

std::string unescape_values(std::string_view name) {
  if (!name.starts_with("U__")) return std::string(name);
  std::string out;
  for (std::string_view rest = name.substr(3); !rest.empty();) {
    char c = rest[0];
    rest.remove_prefix(1);
    if (c != '_') {
      out += c;
      continue;
    }
    if (rest.starts_with('_')) {
      out += '_';
      rest.remove_prefix(1);
      continue;
    }
    auto character = take_hex(rest);
    if (!character) return std::string(name);
    append_utf8(out, *character);
  }
  return out;
}

}  // namespace

std::string_view to_string(Escaping escaping) { return names[static_cast<std::size_t>(escaping)]; }

std::optional<Escaping> escaping_of(std::string_view name) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<Escaping>(i);
  return {};
}

bool is_plain_name(std::string_view name) {
  for (std::size_t i = 0; i < name.size(); ++i)
    if (!is_plain(name[i], i == 0)) return false;
  return !name.empty();
}

std::string escape_name(std::string_view name, Escaping escaping) {
  if (escaping == Escaping::none || name.empty()) return std::string(name);
  if (escaping != Escaping::dots && is_plain_name(name)) return std::string(name);
  std::string out = escaping == Escaping::values ? "U__" : "";
  for (bool first = true; !name.empty(); first = false) {
    char byte = name[0];
    char32_t c = take_character(name);
    bool plain = is_plain(byte, first);
    if (escaping == Escaping::underscores)
      out += plain ? byte : '_';
    else if (c == '_')
      out += "__";
    else if (plain)
      out += byte;
    else if (escaping == Escaping::dots)
      out += c == '.' ? "_dot_" : "__";
    else
      out += fmt::format("_{:x}_", static_cast<std::uint32_t>(c));
  }
  return out;
}

std::string unescape_name(std::string_view name, Escaping escaping) {
  if (escaping == Escaping::values) return unescape_values(name);
  std::string out(name);
  if (escaping != Escaping::dots) return out;
  replace_all(out, "_dot_", ".");
  replace_all(out, "__", "_");
  return out;
}

}  // namespace weir::prometheus
