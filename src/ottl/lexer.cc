#include "ottl/lexer.h"

#include "base/text.h"

namespace weir::ottl {
namespace {

constexpr std::size_t max_statement = 64 * 1024;

bool digit(char c) { return c >= '0' && c <= '9'; }
bool hex(char c) { return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<Token>> run() {
    while (skip_space(), at_ < text_.size()) {
      std::size_t n = length();
      if (n == 0)
        return fail(Errc::config, "{}", explain(text_, at_, fmt::format("invalid input text {}", quote_json(text_.substr(at_, 20)))));
      tokens_.push_back({kind_, text_.substr(at_, n), static_cast<std::uint32_t>(at_)});
      pair_brackets();
      at_ += n;
    }
    tokens_.push_back({TokenKind::end, "", static_cast<std::uint32_t>(text_.size())});
    return std::move(tokens_);
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }
  void skip_space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n\f\v").contains(text_[at_])) ++at_;
  }
  template <class Pred>
  std::size_t run_of(std::size_t from, Pred pred) const {
    std::size_t n = from;
    while (at_ + n < text_.size() && pred(text_[at_ + n])) ++n;
    return n;
  }
  std::size_t is(TokenKind kind, std::size_t n) {
    kind_ = kind;
    return n;
  }

  // Length of the token at at_, its kind in kind_; 0 when nothing matches.
  std::size_t length() {
    char c = peek();
    if (c == '0' && peek(1) == 'x' && hex(peek(2))) return is(TokenKind::bytes, run_of(2, hex));
    if (digit(c) || (c == '.' && digit(peek(1)))) return number();
    if (letter(c)) return is(TokenKind::name, run_of(0, [](char x) { return letter(x) || digit(x) || x == '_'; }));
    switch (c) {
      case '_': return is(TokenKind::name, 1);
      case '"': return string();
      case '=':
        if (peek(1) == '=') return is(TokenKind::compare, 2);
        if (peek(1) == '>') return is(TokenKind::arrow, 2);
        return is(TokenKind::assign, 1);
      case '!': return peek(1) == '=' ? is(TokenKind::compare, 2) : 0;
      case '<':
      case '>': return is(TokenKind::compare, peek(1) == '=' ? 2 : 1);
      case '+':
      case '-': return is(TokenKind::add_sub, 1);
      case '*':
      case '/': return is(TokenKind::mul_div, 1);
      case '(':
      case ')':
      case '[':
      case ']':
      case '{':
      case '}':
      case ',':
      case '.':
      case ':': return is(TokenKind::punct, 1);
      default: return 0;
    }
  }

  std::size_t number() {
    std::size_t n = run_of(0, digit);
    if (peek(n) != '.') return is(TokenKind::integer, n);
    n = run_of(n + 1, digit);
    if (peek(n) == 'e' || peek(n) == 'E') {
      std::size_t sign = peek(n + 1) == '+' || peek(n + 1) == '-';
      if (digit(peek(n + 1 + sign))) n = run_of(n + 1 + sign, digit);
    }
    return is(TokenKind::real, n);
  }

  std::size_t string() {
    for (std::size_t n = 1; at_ + n < text_.size(); ++n) {
      if (text_[at_ + n] == '"') return is(TokenKind::text, n + 1);
      if (text_[at_ + n] == '\\') ++n;
    }
    return 0;
  }

  void pair_brackets() {
    Token& last = tokens_.back();
    if (last.kind != TokenKind::punct) return;
    char c = last.text[0];
    auto index = static_cast<std::uint32_t>(tokens_.size() - 1);
    if (c == '(' || c == '[' || c == '{') open_.push_back(index);
    if ((c == ')' || c == ']' || c == '}') && !open_.empty()) {
      tokens_[open_.back()].match = index;
      last.match = open_.back();
      open_.pop_back();
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  TokenKind kind_ = TokenKind::end;
  std::vector<Token> tokens_;
  std::vector<std::uint32_t> open_;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view statement) {
  if (statement.size() > max_statement)
    return fail(Errc::config, "a statement of {} bytes is longer than {}", statement.size(), max_statement);
  return Lexer(statement).run();
}

std::string explain(std::string_view statement, std::size_t at, std::string_view message) {
  at = std::min(at, statement.size());
  std::size_t begin = statement.rfind('\n', at ? at - 1 : 0);
  begin = at == 0 || begin == std::string_view::npos ? 0 : begin + 1;
  std::size_t end = std::min(statement.find('\n', at), statement.size());
  auto line = std::count(statement.begin(), statement.begin() + static_cast<std::ptrdiff_t>(begin), '\n') + 1;
  std::string_view shown = statement.substr(begin, end - begin);
  std::size_t column = at - begin, cut = column > 100 ? column - 80 : 0;
  // The caret counts characters, not bytes, so that it stands right below text that is not ASCII.
  auto pad = std::count_if(shown.begin() + static_cast<std::ptrdiff_t>(cut), shown.begin() + static_cast<std::ptrdiff_t>(column),
                           [](char c) { return (c & 0xC0) != 0x80; });
  return fmt::format("{}:{}: {}\n  {}\n  {}^", line, column + 1, message, shown.substr(cut, 160), std::string(static_cast<std::size_t>(pad), ' '));
}

}  // namespace weir::ottl
