#include "base/text.h"

#include <charconv>
#include <cmath>

#include "base/utf8.h"

namespace weir {
namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::string_view base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+' || c == '-') return 62;
  if (c == '/' || c == '_') return 63;
  return -1;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  auto* p = reinterpret_cast<const unsigned char*>(text.data());
  for (std::size_t i = 0; i < text.size();) {
    unsigned char c = p[i];
    if (c >= 0x20 && c < 0x80) {
      if (c == '"' || c == '\\') out += '\\';
      out += static_cast<char>(c);
      ++i;
    } else if (c < 0x20) {
      switch (c) {
        case '\n': out += "\\n"; break;
        case '\r': out += "\\r"; break;
        case '\t': out += "\\t"; break;
        default: out += fmt::format("\\u{:04x}", c);
      }
      ++i;
    } else if (std::size_t n = utf8_length(p + i, text.size() - i); n != 0) {
      out.append(text, i, n);
      i += n;
    } else {
      out += "\xEF\xBF\xBD";
      ++i;
    }
  }
  out += '"';
}

std::string quote_json(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 2);
  append_json_string(out, text);
  return out;
}

void append_hex(std::string& out, std::string_view bytes) {
  for (unsigned char c : bytes) {
    out += hex_digits[c >> 4];
    out += hex_digits[c & 15];
  }
}

std::string to_hex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  append_hex(out, bytes);
  return out;
}

bool from_hex(std::string_view hex, std::string& out) {
  out.clear();
  if (hex.size() % 2) return false;
  out.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    int high = hex_value(hex[i]), low = hex_value(hex[i + 1]);
    if (high < 0 || low < 0) return false;
    out += static_cast<char>(high << 4 | low);
  }
  return true;
}

void append_base64(std::string& out, std::string_view bytes) {
  auto* p = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t i = 0;
  for (; i + 2 < bytes.size(); i += 3) {
    unsigned v = p[i] << 16 | p[i + 1] << 8 | p[i + 2];
    for (int shift : {18, 12, 6, 0}) out += base64_digits[v >> shift & 63];
  }
  if (std::size_t left = bytes.size() - i; left == 1) {
    unsigned v = p[i] << 16;
    out += base64_digits[v >> 18 & 63];
    out += base64_digits[v >> 12 & 63];
    out += "==";
  } else if (left == 2) {
    unsigned v = p[i] << 16 | p[i + 1] << 8;
    for (int shift : {18, 12, 6}) out += base64_digits[v >> shift & 63];
    out += '=';
  }
}

std::string encode_base64(std::string_view bytes) {
  std::string out;
  append_base64(out, bytes);
  return out;
}

bool decode_base64(std::string_view text, std::string& out) {
  out.clear();
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  if (text.size() % 4 == 1) return false;
  unsigned bits = 0, n = 0;
  for (char c : text) {
    int v = base64_value(c);
    if (v < 0) return false;
    bits = bits << 6 | static_cast<unsigned>(v);
    if (n += 6; n >= 8) {
      n -= 8;
      out += static_cast<char>(bits >> n & 255);
    }
  }
  return true;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  auto first = text.find_first_not_of(space);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t start = 0;;) {
    auto end = text.find(separator, start);
    parts.push_back(text.substr(start, end == text.npos ? end : end - start));
    if (end == text.npos) return parts;
    start = end + 1;
  }
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

bool equal_ignore_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  std::string_view best;
  std::size_t limit = std::max<std::size_t>(2, word.size() / 3) + 1;
  std::vector<std::size_t> row;
  for (std::string_view candidate : candidates) {
    row.resize(candidate.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
    for (std::size_t i = 0; i < word.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i + 1;
      for (std::size_t j = 0; j < candidate.size(); ++j) {
        std::size_t change = diagonal + (lower(word[i]) == lower(candidate[j]) ? 0 : 1);
        diagonal = row[j + 1];
        row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, change});
      }
    }
    if (row.back() < limit) {
      limit = row.back();
      best = candidate;
    }
  }
  return best;
}

bool valid_utf8(std::string_view text) {
  auto* p = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t i = 0, n = text.size();
  while (i < n) {
    std::uint64_t word;
    while (i + 8 <= n && (std::memcpy(&word, p + i, 8), (word & 0x8080808080808080ULL) == 0)) i += 8;
    while (i < n && p[i] < 0x80) ++i;
    if (i == n) return true;
    std::size_t length = utf8_length(p + i, n - i);
    if (length == 0) return false;
    i += length;
  }
  return true;
}

std::string format_double(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  char buffer[32];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, end};
}

namespace {

// "-1.25e+20" as an integer.
std::string without_exponent(std::string_view text) {
  std::size_t e = text.find('e');
  auto digits = static_cast<std::size_t>(std::atoi(text.data() + e + 1)) + 1;
  std::string out;
  for (char c : text.substr(0, e))
    if (c != '.') out += c;
  out.resize(digits + (text[0] == '-' ? 1 : 0), '0');
  return out;
}

}  // namespace

std::string format_json_double(double value) {
  if (!std::isfinite(value)) return format_double(value);
  double size = std::fabs(value);
  bool exponent = size != 0 && (size < 1e-6 || size >= 1e21);
  // From 2^53 on the shortest digits end left of the point; to_chars would write all that the number has.
  bool zeros = !exponent && size >= 9007199254740992.0;
  char buffer[512];
  auto end = std::to_chars(buffer, buffer + sizeof buffer, value, exponent || zeros ? std::chars_format::scientific : std::chars_format::fixed).ptr;
  std::string out(buffer, end);
  if (zeros) return without_exponent(out);
  // Go writes e-9 where C++ writes e-09.
  if (auto at = out.find("e-0"); at != out.npos) out.erase(at + 2, 1);
  return out;
}

}  // namespace weir
