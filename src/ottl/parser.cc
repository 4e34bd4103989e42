#include "ottl/parser.h"

#include <charconv>

#include "base/text.h"
#include "base/utf8.h"
#include "ottl/lexer.h"

namespace weir::ottl {
namespace {

using namespace ast;

// Nesting a person would never write; keeps recursion within the stack.
constexpr int max_depth = 200;

bool lower_name(std::string_view name) {
  return name[0] >= 'a' && name[0] <= 'z' && std::none_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}
bool upper_name(std::string_view name) {
  return name[0] >= 'A' && name[0] <= 'Z' && std::none_of(name.begin(), name.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

class Parser {
 public:
  Parser(std::string_view text, std::vector<Token> tokens) : text_(text), tokens_(std::move(tokens)) {}

  Result<Statement> statement() {
    Statement out;
    const Token& first = peek();
    if (first.kind != TokenKind::name || !next_is("(")) return unexpected("an editor");
    if (first.text[0] < 'a' || first.text[0] > 'z')
      return error(first, fmt::format("editor names must start with a lowercase letter but got '{}'", first.text));
    WEIR_ASSIGN(out.editor, call());
    if (peek().is("[")) return error(peek(), "only paths and converters may be indexed, not editors");
    if (take("where")) {
      WEIR_ASSIGN(out.where, either());
    }
    WEIR_TRY(finish());
    return out;
  }
  Result<TestPtr> condition() {
    WEIR_ASSIGN(auto out, either());
    WEIR_TRY(finish());
    return out;
  }
  Result<ExprPtr> lone_value() {
    WEIR_ASSIGN(auto out, value());
    WEIR_TRY(finish());
    return out;
  }

 private:
  const Token& peek(std::size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  bool next_is(std::string_view text) const { return peek(1).is(text); }
  bool take(std::string_view text) {
    if (!peek().is(text)) return false;
    ++at_;
    return true;
  }
  std::unexpected<Error> error(const Token& where, std::string_view message) const {
    return fail(Errc::config, "{}", explain(text_, where.at, message));
  }
  std::unexpected<Error> unexpected(std::string_view wanted) const {
    const Token& token = peek();
    std::string seen = token.kind == TokenKind::end ? "\"<EOF>\"" : quote_json(token.text);
    return error(token, fmt::format("unexpected token {} (expected {})", seen, wanted));
  }
  Result<> expect(std::string_view text) {
    if (!take(text)) return unexpected(quote_json(text));
    return {};
  }
  Result<> finish() {
    if (peek().kind != TokenKind::end) return unexpected("the end");
    return {};
  }
  ExprPtr make(ExprKind kind) const {
    auto out = std::make_unique<Expr>();
    out->kind = kind;
    out->at = peek().at;
    return out;
  }
  TestPtr make(TestKind kind) const {
    auto out = std::make_unique<Test>();
    out->kind = kind;
    out->at = peek().at;
    return out;
  }
  // Counts nesting while it lives.
  struct Deeper {
    explicit Deeper(int& depth) : depth_(++depth) {}
    ~Deeper() { --depth_; }
    bool too_deep() const { return depth_ > max_depth; }
    int& depth_;
  };

  // ---- conditions
  Result<TestPtr> joined(TestKind kind, std::string_view word, Result<TestPtr> (Parser::*part)()) {
    WEIR_ASSIGN(auto first, (this->*part)());
    if (!peek().is(word)) return first;
    auto out = make(kind);
    out->parts.push_back(std::move(first));
    while (take(word)) {
      WEIR_ASSIGN(auto next, (this->*part)());
      out->parts.push_back(std::move(next));
    }
    return out;
  }
  Result<TestPtr> either() { return joined(TestKind::either, "or", &Parser::both); }
  Result<TestPtr> both() { return joined(TestKind::both, "and", &Parser::factor); }

  Result<TestPtr> factor() {
    Deeper deeper(depth_);
    if (deeper.too_deep()) return error(peek(), "nested too deep");
    if (peek().is("not")) {
      auto out = make(TestKind::negation);
      ++at_;
      WEIR_ASSIGN(auto inner, plain_factor());
      out->parts.push_back(std::move(inner));
      return out;
    }
    return plain_factor();
  }

  // A parenthesis opens a number when an operator follows its end, a condition otherwise.
  bool opens_condition() const {
    if (!peek().is("(") || peek().match == 0) return false;
    const Token& after = tokens_[std::min<std::size_t>(peek().match + 1, tokens_.size() - 1)];
    return after.kind != TokenKind::compare && after.kind != TokenKind::add_sub && after.kind != TokenKind::mul_div;
  }

  Result<TestPtr> plain_factor() {
    if (opens_condition()) {
      ++at_;
      WEIR_ASSIGN(auto out, either());
      WEIR_TRY(expect(")"));
      return out;
    }
    auto out = make(TestKind::comparison);
    WEIR_ASSIGN(auto left, value());
    if (peek().kind != TokenKind::compare) {
      if (left->kind == ExprKind::boolean) {
        out->kind = TestKind::constant;
        out->constant = left->boolean;
        return out;
      }
      if (left->kind == ExprKind::call) {
        out->kind = TestKind::call;
        out->items.push_back(std::move(left));
        return out;
      }
      return unexpected("a comparison");
    }
    out->op = peek().text;
    ++at_;
    WEIR_ASSIGN(auto right, value());
    out->items.push_back(std::move(left));
    out->items.push_back(std::move(right));
    return out;
  }

  // ---- values
  Result<ExprPtr> value() {
    Deeper deeper(depth_);
    if (deeper.too_deep()) return error(peek(), "nested too deep");
    const Token& token = peek();
    switch (token.kind) {
      case TokenKind::text: return text();
      case TokenKind::bytes: return bytes();
      case TokenKind::punct:
        if (token.is("[")) return list();
        if (token.is("{")) return map();
        if (token.is("(") && opens_lambda()) return lambda();
        break;
      case TokenKind::name:
        if (token.is("nil")) return keyword(ExprKind::nil);
        if (token.is("true") || token.is("false")) return keyword(ExprKind::boolean);
        if (token.text[0] >= 'A' && token.text[0] <= 'Z' && !next_is("(")) return symbol();
        break;
      default: break;
    }
    return sum();
  }

  ExprPtr keyword(ExprKind kind) {
    auto out = make(kind);
    out->boolean = peek().is("true");
    ++at_;
    return out;
  }
  Result<ExprPtr> symbol() {
    auto out = make(upper_name(peek().text) ? ExprKind::enumeration : ExprKind::function);
    out->name = peek().text;
    ++at_;
    return out;
  }

  Result<ExprPtr> text() {
    auto out = make(ExprKind::text);
    if (!unquote(peek().text, out->text)) return error(peek(), fmt::format("invalid quoted string {}", peek().text));
    ++at_;
    return out;
  }
  Result<ExprPtr> bytes() {
    auto out = make(ExprKind::bytes);
    if (!from_hex(peek().text.substr(2), out->text)) return error(peek(), "a byte literal needs an even number of digits");
    ++at_;
    return out;
  }
  // Values may stand side by side before the first comma; the collector accepts that too.
  Result<ExprPtr> list() {
    auto out = make(ExprKind::list);
    ++at_;
    while (!peek().is("]") && !peek().is(",")) {
      WEIR_ASSIGN(auto item, value());
      out->items.push_back(std::move(item));
    }
    while (take(",")) {
      WEIR_ASSIGN(auto item, value());
      out->items.push_back(std::move(item));
    }
    WEIR_TRY(expect("]"));
    return out;
  }
  Result<ExprPtr> map() {
    auto out = make(ExprKind::map);
    ++at_;
    while (!peek().is("}")) {
      if (peek().kind != TokenKind::text) return unexpected("a string");
      WEIR_ASSIGN(auto key, text());
      WEIR_TRY(expect(":"));
      WEIR_ASSIGN(auto item, value());
      out->names.push_back(std::move(key->text));
      out->items.push_back(std::move(item));
      take(",");
    }
    ++at_;
    return out;
  }

  bool opens_lambda() const { return peek().match != 0 && tokens_[peek().match + 1].kind == TokenKind::arrow; }
  Result<ExprPtr> lambda() {
    auto out = make(ExprKind::lambda);
    ++at_;
    while (!take(")")) {
      if (peek().kind != TokenKind::name || (peek().text != "_" && !lower_name(peek().text))) return unexpected("a parameter name");
      out->names.emplace_back(peek().text);
      ++at_;
      if (!peek().is(")")) WEIR_TRY(expect(","));
    }
    ++at_;  // =>
    return lambda_body(std::move(out));
  }
  // A condition when it reads as one; `() => IsMap(x)` is both and counts as a value.
  Result<ExprPtr> lambda_body(ExprPtr out) {
    std::size_t start = at_;
    auto test = either();
    bool lone = test && ((*test)->kind == TestKind::call || (*test)->kind == TestKind::constant);
    if (test && !lone && (peek().is(",") || peek().is(")"))) {
      out->test = std::move(*test);
      return out;
    }
    at_ = start;
    WEIR_ASSIGN(auto body, value());
    out->items.push_back(std::move(body));
    return out;
  }

  // ---- numbers, paths, calls
  Result<ExprPtr> chain(TokenKind kind, Result<ExprPtr> (Parser::*part)()) {
    WEIR_ASSIGN(auto left, (this->*part)());
    while (peek().kind == kind) {
      auto out = make(ExprKind::math);
      out->op = peek().text[0];
      ++at_;
      WEIR_ASSIGN(auto right, (this->*part)());
      out->items.push_back(std::move(left));
      out->items.push_back(std::move(right));
      left = std::move(out);
    }
    return left;
  }
  Result<ExprPtr> sum() { return chain(TokenKind::add_sub, &Parser::product); }
  Result<ExprPtr> product() { return chain(TokenKind::mul_div, &Parser::operand); }

  Result<ExprPtr> operand() {
    Deeper deeper(depth_);
    if (deeper.too_deep()) return error(peek(), "nested too deep");
    if (peek().kind != TokenKind::add_sub) return unsigned_operand();
    auto out = make(ExprKind::negate);
    bool minus = peek().is("-");
    ++at_;
    if (minus && peek().kind == TokenKind::integer) return integer(true);
    WEIR_ASSIGN(auto inner, unsigned_operand());
    if (!minus) return inner;
    if (inner->kind == ExprKind::real) return inner->real = -inner->real, std::move(inner);
    out->items.push_back(std::move(inner));
    return out;
  }
  Result<ExprPtr> unsigned_operand() {
    const Token& token = peek();
    if (token.kind == TokenKind::integer) return integer(false);
    if (token.kind == TokenKind::real) return real();
    if (token.is("(")) {
      ++at_;
      WEIR_ASSIGN(auto out, sum());
      WEIR_TRY(expect(")"));
      return out;
    }
    if (token.kind != TokenKind::name || token.is("not") || token.is("and") || token.is("or")) return unexpected("a value");
    if (next_is("(")) {
      if (token.text[0] >= 'a' && token.text[0] <= 'z')
        return error(token, fmt::format("converter names must start with an uppercase letter but got '{}'", token.text));
      return call();
    }
    return path();
  }
  Result<ExprPtr> integer(bool negative) {
    auto out = make(ExprKind::integer);
    std::string digits = (negative ? "-" : "") + std::string(peek().text);
    auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), out->integer);
    if (wrong != std::errc{}) return error(peek(), "integer out of range");
    ++at_;
    return out;
  }
  Result<ExprPtr> real() {
    auto out = make(ExprKind::real);
    std::string digits(peek().text);
    if (digits[0] == '.') digits.insert(0, "0");
    auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), out->real);
    if (wrong != std::errc{}) return error(peek(), "number out of range");
    ++at_;
    return out;
  }

  Result<ExprPtr> call() {
    auto out = make(ExprKind::call);
    out->name = peek().text;
    at_ += 2;
    while (!take(")")) {
      WEIR_TRY(argument(*out));
      if (peek().is(")")) continue;
      WEIR_TRY(expect(","));
      if (peek().is(")")) return unexpected("a value");
    }
    bool converter = out->name[0] >= 'A' && out->name[0] <= 'Z';
    if (converter) WEIR_TRY(keys(out->keys));
    return out;
  }
  Result<> argument(Expr& to) {
    Argument out;
    if (peek().kind == TokenKind::name && peek().text[0] >= 'a' && peek().text[0] <= 'z' && peek(1).kind == TokenKind::assign) {
      out.name = peek().text;
      at_ += 2;
    }
    WEIR_ASSIGN(out.value, value());
    to.arguments.push_back(std::move(out));
    return {};
  }

  Result<ExprPtr> path() {
    auto out = make(ExprKind::path);
    do {
      if (peek().kind != TokenKind::name || !lower_name(peek().text)) return unexpected("a path segment");
      Segment segment{peek().text, {}};
      ++at_;
      WEIR_TRY(keys(segment.keys));
      out->segments.push_back(std::move(segment));
    } while (take("."));
    return out;
  }
  // After a literal the bracket must close: `[1 + 1]` is not a key, `[Len(x) - 1]` is.
  Result<> keys(std::vector<ExprPtr>& out) {
    while (take("[")) {
      bool text_key = peek().kind == TokenKind::text;
      if (text_key) {
        WEIR_ASSIGN(auto key, text());
        out.push_back(std::move(key));
      } else if (peek().kind == TokenKind::integer) {
        WEIR_ASSIGN(auto key, integer(false));
        out.push_back(std::move(key));
      } else {
        if (peek().is("nil") || peek().is("true") || peek().is("false")) return unexpected("a key");
        WEIR_ASSIGN(auto key, sum());
        out.push_back(std::move(key));
      }
      WEIR_TRY(expect("]"));
    }
    return {};
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

// `count` digits of `base` at the front of `rest`.
bool take_code(std::string_view& rest, std::size_t count, int base, std::uint32_t& out) {
  if (rest.size() < count) return false;
  auto [end, wrong] = std::from_chars(rest.data(), rest.data() + count, out, base);
  if (wrong != std::errc{} || end != rest.data() + count) return false;
  rest.remove_prefix(count);
  return true;
}

bool unescape(std::string_view& rest, std::string& out) {
  char c = rest[0];
  constexpr std::string_view letters = "abfnrtv\\\"", codes = "\a\b\f\n\r\t\v\\\"";
  if (auto i = letters.find(c); i != std::string_view::npos) {
    out += codes[i];
    rest.remove_prefix(1);
    return true;
  }
  std::uint32_t code = 0;
  if (c >= '0' && c <= '7') {
    if (!take_code(rest, 3, 8, code) || code > 255) return false;
    out += static_cast<char>(code);
    return true;
  }
  rest.remove_prefix(1);
  if (c == 'x') {
    if (!take_code(rest, 2, 16, code)) return false;
    out += static_cast<char>(code);
    return true;
  }
  if (c != 'u' && c != 'U') return false;
  if (!take_code(rest, c == 'u' ? 4 : 8, 16, code) || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
  append_utf8(out, code);
  return true;
}

template <class T>
Result<T> parse(std::string_view text, Result<T> (Parser::*what)()) {
  WEIR_ASSIGN(auto tokens, tokenize(text));
  Parser parser(text, std::move(tokens));
  return (parser.*what)();
}

}  // namespace

bool unquote(std::string_view quoted, std::string& out) {
  std::string_view rest = quoted.substr(1, quoted.size() - 2);
  while (!rest.empty()) {
    char c = rest[0];
    if (c == '\n') return false;
    rest.remove_prefix(1);
    if (c != '\\')
      out += c;
    else if (rest.empty() || !unescape(rest, out))
      return false;
  }
  return true;
}

Result<ast::Statement> parse_statement(std::string_view text) { return parse(text, &Parser::statement); }
Result<ast::TestPtr> parse_condition(std::string_view text) { return parse(text, &Parser::condition); }
Result<ast::ExprPtr> parse_value(std::string_view text) { return parse(text, &Parser::lone_value); }

}  // namespace weir::ottl
