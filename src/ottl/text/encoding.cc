#include "ottl/text/encoding.h"

#include <cerrno>
#include <iconv.h>

#include "base/text.h"

namespace weir::ottl {
namespace {

struct Base64 {
  bool known = false, url = false, padded = false;
};

Base64 base64_named(std::string_view name) {
  if (name == "base64") return {true, false, true};
  if (name == "base64-raw") return {true, false, false};
  if (name == "base64-url") return {true, true, true};
  if (name == "base64-raw-url") return {true, true, false};
  return {};
}

int sextet(char c, bool url) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == (url ? '-' : '+')) return 62;
  return c == (url ? '_' : '/') ? 63 : -1;
}

// Strict: right alphabet, padding exactly where the variant has it. Line ends are skipped.
bool decode_base64_variant(Base64 kind, std::string_view text, std::string& out, std::string& wrong) {
  std::string clean;
  for (char c : text)
    if (c != '\r' && c != '\n') clean += c;
  std::string_view body = clean;
  auto bad = [&](std::size_t at) { return wrong = fmt::format("illegal base64 data at input byte {}", at), false; };
  if (kind.padded) {
    if (clean.size() % 4 != 0) return bad(clean.size() / 4 * 4);
    for (int i = 0; i < 2 && body.ends_with('='); ++i) body.remove_suffix(1);
  }
  if (body.size() % 4 == 1) return bad(body.size() - 1);
  std::uint32_t bits = 0;
  int held = 0;
  for (std::size_t i = 0; i < body.size(); ++i) {
    int value = sextet(body[i], kind.url);
    if (value < 0) return bad(i);
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    if ((held += 6) >= 8) out += static_cast<char>(bits >> (held -= 8));
  }
  return true;
}

// Names that stand for UTF-8, as the collector has it.
bool names_utf8(std::string_view lower) {
  return lower.empty() || lower == "utf-8" || lower == "utf8" || lower == "ascii" || lower == "us-ascii";
}
// Names under which bytes stay what they are.
bool names_nothing(std::string_view lower) { return lower == "nop" || lower == "utf-8-raw" || lower == "utf8-raw"; }

// The name iconv has for what browsers and the collector mean by a name.
std::string iconv_name(std::string_view lower) {
  if (names_utf8(lower)) return "utf-8";
  if (lower == "utf-16" || lower == "utf16") return "utf-16le";  // byte order marks are kept
  if (lower == "euc-kr") return "cp949";
  if (lower == "big5") return "big5-hkscs";
  if (lower == "shift_jis") return "cp932";
  return std::string(lower);
}

// An open conversion to UTF-8.
class Converter {
 public:
  explicit Converter(std::string_view from) {
    // Only names: iconv reads flags behind a slash.
    bool plain = from.size() < 64 && std::all_of(from.begin(), from.end(), [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.' || c == ':';
    });
    if (plain) handle_ = iconv_open("UTF-8", iconv_name(to_lower(from)).c_str());
  }
  ~Converter() {
    if (good()) iconv_close(handle_);
  }
  Converter(const Converter&) = delete;
  bool good() const { return handle_ != reinterpret_cast<iconv_t>(-1); }

  void run(std::string_view bytes, std::string& out) {
    char* from = const_cast<char*>(bytes.data());
    std::size_t left = bytes.size();
    char buffer[512];
    while (left > 0) {
      char* to = buffer;
      std::size_t room = sizeof buffer;
      std::size_t result = iconv(handle_, &from, &left, &to, &room);
      int error = errno;
      out.append(buffer, sizeof buffer - room);
      if (result != static_cast<std::size_t>(-1) || error == E2BIG) continue;
      out += "\xEF\xBF\xBD";
      if (error == EINVAL) return;  // cut off in the middle of a character
      ++from;
      --left;
    }
  }

 private:
  iconv_t handle_ = reinterpret_cast<iconv_t>(-1);
};

}  // namespace

bool encode_base64_variant(std::string_view variant, std::string_view bytes, std::string& out) {
  Base64 kind = base64_named(variant);
  if (!kind.known) return false;
  out = encode_base64(bytes);
  if (kind.url) {
    std::replace(out.begin(), out.end(), '+', '-');
    std::replace(out.begin(), out.end(), '/', '_');
  }
  if (!kind.padded) out.erase(std::min(out.find('='), out.size()));
  return true;
}

bool known_encoding(std::string_view name) {
  return base64_named(name).known || names_nothing(to_lower(name)) || Converter(name).good();
}

bool decode_text(std::string_view encoding, std::string_view bytes, std::string& out, std::string& wrong) {
  if (Base64 kind = base64_named(encoding); kind.known) return decode_base64_variant(kind, bytes, out, wrong);
  std::string name = to_lower(encoding);
  if (names_nothing(name) || (names_utf8(name) && valid_utf8(bytes))) return out = bytes, true;
  Converter converter(encoding);
  if (!converter.good()) return wrong = fmt::format("unsupported encoding '{}'", encoding), false;
  converter.run(bytes, out);
  return true;
}

Result<TextDecoder> TextDecoder::open(std::string_view encoding) {
  auto converter = std::make_unique<Converter>(encoding);
  if (!converter->good()) return fail(Errc::config, "unsupported encoding '{}'", encoding);
  TextDecoder out;
  out.handle_ = converter.release();
  return out;
}

TextDecoder::~TextDecoder() { delete static_cast<Converter*>(handle_); }

void TextDecoder::decode(std::string_view bytes, std::string& out) { static_cast<Converter*>(handle_)->run(bytes, out); }

}  // namespace weir::ottl
