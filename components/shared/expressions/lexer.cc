#include "components/shared/expressions/lexer.h"

#include <array>
#include <charconv>

#include "base/utf8.h"
#include "ottl/text/unicode.h"

namespace weir::expressions {
namespace {

constexpr std::string_view words[] = {"not", "in", "or", "and", "matches", "contains", "startsWith", "endsWith", "let", "if", "else"};
// Longer ones first.
constexpr std::string_view symbols[] = {"?.", "??", "&&", "||", "==", "!=", "<=", ">=", "**", "..", "::", "?", ":", ",", ";", "+", "-", "*",
                                        "/",  "%",  "^",  "<",  ">",  "!",  "|",  ".",  "(",  ")", "[", "]", "{", "}", "#", "="};

bool digit(char c) { return c >= '0' && c <= '9'; }
bool begins_name(char c) { return std::isalpha(static_cast<unsigned char>(c)) || c == '_' || c == '$' || static_cast<unsigned char>(c) >= 0x80; }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<Token>> run() {
    std::vector<Token> out;
    while (true) {
      WEIR_TRY(skip_space());
      WEIR_ASSIGN(Token token, next());
      out.push_back(std::move(token));
      if (out.back().kind == TokenKind::end) return out;
    }
  }

 private:
  std::string_view rest() const { return text_.substr(at_); }

  Result<> skip_space() {
    while (at_ < text_.size()) {
      if (std::isspace(static_cast<unsigned char>(text_[at_]))) {
        ++at_;
      } else if (rest().starts_with("//")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (rest().starts_with("/*")) {
        std::size_t end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos) return fail(Errc::config, "the comment that begins at {} has no end", at_);
        at_ = end + 2;
      } else {
        break;
      }
    }
    return {};
  }

  Result<Token> next() {
    Token out{.at = at_};
    if (at_ == text_.size()) return out;
    char c = text_[at_];
    if (c == '"' || c == '\'') return quoted(c, TokenKind::text);
    if (c == '`') return raw();
    if ((c == 'b' || c == 'B') && at_ + 1 < text_.size() && (text_[at_ + 1] == '"' || text_[at_ + 1] == '\''))
      return ++at_, quoted(text_[at_], TokenKind::bytes);
    if (digit(c) || (c == '.' && at_ + 1 < text_.size() && digit(text_[at_ + 1]))) return number();
    if (begins_name(c)) {
      while (at_ < text_.size() && (begins_name(text_[at_]) || digit(text_[at_]))) ++at_;
      out.text = text_.substr(out.at, at_ - out.at);
      bool reserved = std::find(std::begin(words), std::end(words), out.text) != std::end(words);
      out.kind = reserved ? TokenKind::word : TokenKind::name;
      return out;
    }
    for (std::string_view symbol : symbols) {
      if (!rest().starts_with(symbol)) continue;
      at_ += symbol.size();
      out.kind = TokenKind::symbol;
      out.text = symbol;
      return out;
    }
    return fail(Errc::config, "unexpected '{}' at {}", c, at_);
  }

  Result<Token> number() {
    Token out{.kind = TokenKind::integer, .at = at_};
    int base = 10;
    std::string digits;
    if (rest().size() > 1 && text_[at_] == '0') {
      char c = static_cast<char>(text_[at_ + 1] | 0x20);
      base = c == 'x' ? 16 : c == 'o' ? 8 : c == 'b' ? 2 : 10;
      if (base != 10) at_ += 2;
    }
    auto take = [&] {
      while (at_ < text_.size() && (digit(text_[at_]) || text_[at_] == '_' || (base == 16 && std::isxdigit(static_cast<unsigned char>(text_[at_]))))) {
        if (text_[at_] != '_') digits += text_[at_];
        ++at_;
      }
    };
    take();
    bool fraction = base == 10 && at_ < text_.size() && text_[at_] == '.' && !rest().starts_with("..");
    if (fraction) digits += text_[at_++], take();
    bool exponent = base == 10 && at_ < text_.size() && (text_[at_] | 0x20) == 'e';
    if (exponent) {
      digits += text_[at_++];
      if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) {
        if (text_[at_] == '-') digits += '-';
        ++at_;
      }
      take();
    }
    std::string_view whole = text_.substr(out.at, at_ - out.at);
    if (at_ < text_.size() && begins_name(text_[at_])) return fail(Errc::config, "\"{}\" at {} is no number", whole, out.at);
    const char* end = digits.data() + digits.size();
    std::from_chars_result read{};
    if (fraction || exponent) {
      out.kind = TokenKind::real;
      read = std::from_chars(digits.data(), end, out.real);
    } else {
      read = std::from_chars(digits.data(), end, out.integer, base);
    }
    if (read.ec != std::errc{} || read.ptr != end) return fail(Errc::config, "\"{}\" at {} is no number", whole, out.at);
    return out;
  }

  Result<Token> raw() {
    Token out{.kind = TokenKind::text, .at = at_++};
    while (at_ < text_.size()) {
      char c = text_[at_++];
      if (c != '`') {
        out.text += c;
      } else if (at_ < text_.size() && text_[at_] == '`') {
        out.text += text_[at_++];
      } else {
        return out;
      }
    }
    return fail(Errc::config, "the text that begins at {} has no end", out.at);
  }

  Result<Token> quoted(char quote, TokenKind kind) {
    Token out{.kind = kind, .at = at_++};
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] != '\\') {
        out.text += text_[at_++];
        continue;
      }
      ++at_;
      WEIR_TRY(escape(out));
    }
    if (at_ >= text_.size()) return fail(Errc::config, "the text that begins at {} has no end", out.at);
    ++at_;
    return out;
  }

  Result<> escape(Token& to) {
    constexpr std::string_view names = "abfnrtv", values = "\a\b\f\n\r\t\v";
    if (at_ >= text_.size()) return {};
    char c = text_[at_++];
    if (std::string_view("\\\"'`?").contains(c)) return to.text += c, Result<>{};
    if (auto i = names.find(c); i != names.npos) return to.text += values[i], Result<>{};
    std::size_t digits = c == 'x' || c == 'X' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (digits > 0) {
      bool braces = c == 'u' && rest().starts_with('{');
      if (braces) {
        ++at_;
        digits = std::min(rest().find('}'), std::size_t{7});
      }
      WEIR_ASSIGN(std::uint32_t code, number_of(digits, 16));
      if (braces) ++at_;
      return add(to, code, c != 'x' && c != 'X');
    }
    if (c >= '0' && c <= '3') {
      --at_;
      WEIR_ASSIGN(std::uint32_t code, number_of(3, 8));
      return add(to, code, false);
    }
    return fail(Errc::config, "unknown escape '\\{}' at {}", c, at_ - 1);
  }

  Result<std::uint32_t> number_of(std::size_t digits, int base) {
    std::uint32_t out = 0;
    std::string_view part = rest().substr(0, digits);
    auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), out, base);
    if (part.size() != digits || part.empty() || error != std::errc{} || end != part.data() + part.size())
      return fail(Errc::config, "not an escaped character at {}", at_);
    at_ += digits;
    return out;
  }

  Result<> add(Token& to, std::uint32_t code, bool rune) {
    if (rune && (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))) return fail(Errc::config, "no such character at {}", at_);
    if (to.kind == TokenKind::bytes || !rune)
      to.text += static_cast<char>(code);
    else
      append_utf8(to.text, code);
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::vector<Token>> read_tokens(std::string_view text) { return Lexer(text).run(); }

}  // namespace weir::expressions
