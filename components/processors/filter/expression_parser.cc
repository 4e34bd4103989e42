#include <charconv>

#include "base/text.h"
#include "components/processors/filter/expression_node.h"

namespace weir::processors::filter {
namespace {

using Kind = ExpressionKind;
using Node = ExpressionNode;
using NodePtr = std::unique_ptr<Node>;

constexpr std::size_t max_size = 64 * 1024;
constexpr int max_depth = 200;

enum class TokenKind : std::uint8_t { end, word, text, number, symbol };

struct Token {
  TokenKind kind = TokenKind::end;
  std::size_t at = 0;
  std::string text;
  double number = 0;
  bool is(std::string_view what) const { return (kind == TokenKind::word || kind == TokenKind::symbol) && text == what; }
};

bool word_char(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<Token>> tokens() {
    std::vector<Token> out;
    while (true) {
      while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
      WEIR_ASSIGN(Token token, next());
      out.push_back(std::move(token));
      if (out.back().kind == TokenKind::end) return out;
    }
  }

 private:
  Result<Token> next() {
    Token out{.at = at_};
    if (at_ == text_.size()) return out;
    char c = text_[at_];
    if (c == '"' || c == '\'' || c == '`') return quoted(c);
    if (std::isdigit(static_cast<unsigned char>(c))) return number();
    if (word_char(c)) {
      while (at_ < text_.size() && word_char(text_[at_])) ++at_;
      out.kind = TokenKind::word;
    } else {
      out.kind = TokenKind::symbol;
      std::string_view two = text_.substr(at_, 2);
      bool pair = two == "==" || two == "!=" || two == "<=" || two == ">=" || two == "&&" || two == "||";
      if (!pair && std::string_view("<>!?:,+-*/%()[]").find(c) == std::string_view::npos)
        return fail(Errc::config, "'{}' at {} is not supported in an expression", c, at_);
      at_ += pair ? 2 : 1;
    }
    out.text = text_.substr(out.at, at_ - out.at);
    return out;
  }

  Result<Token> number() {
    Token out{.kind = TokenKind::number, .at = at_};
    auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), out.number);
    if (error != std::errc{}) return fail(Errc::config, "not a number at {}", at_);
    at_ = static_cast<std::size_t>(end - text_.data());
    return out;
  }

  Result<Token> quoted(char quote) {
    Token out{.kind = TokenKind::text, .at = at_};
    for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] != '\\' || quote == '`') {
        out.text += text_[at_];
        continue;
      }
      if (++at_ == text_.size()) break;
      WEIR_TRY(escape(out.text));
    }
    if (at_ == text_.size()) return fail(Errc::config, "the text that begins at {} has no end", out.at);
    ++at_;
    return out;
  }

  Result<> escape(std::string& to) {
    constexpr std::string_view names = "abfnrtv", values = "\a\b\f\n\r\t\v";
    char c = text_[at_];
    if (c == '\\' || c == '"' || c == '\'' || c == '`')
      to += c;
    else if (auto i = names.find(c); i != names.npos)
      to += values[i];
    else
      return fail(Errc::config, "unknown escape '\\{}' at {}", c, at_);
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

struct Operator {
  std::string_view word;
  Kind kind;
  int binds;             // tighter is more
  bool negated = false;  // != is not (==)
};
constexpr std::array operators = {
    Operator{"or", Kind::or_, 10},           Operator{"||", Kind::or_, 10},          Operator{"and", Kind::and_, 15},
    Operator{"&&", Kind::and_, 15},          Operator{"==", Kind::equal, 20},        Operator{"!=", Kind::equal, 20, true},
    Operator{"<", Kind::less, 20},           Operator{"<=", Kind::less_equal, 20},   Operator{">", Kind::greater, 20},
    Operator{">=", Kind::greater_equal, 20}, Operator{"in", Kind::in, 20},           Operator{"matches", Kind::matches, 20},
    Operator{"contains", Kind::contains, 20}, Operator{"startsWith", Kind::starts_with, 20},
    Operator{"endsWith", Kind::ends_with, 20}, Operator{"+", Kind::add, 30},         Operator{"-", Kind::subtract, 30},
    Operator{"*", Kind::multiply, 60},       Operator{"/", Kind::divide, 60},        Operator{"%", Kind::modulo, 60}};
constexpr int not_binds = 50, minus_binds = 90;

const Operator* operator_of(const Token& token) {
  for (auto& candidate : operators)
    if (token.is(candidate.word)) return &candidate;
  return nullptr;
}
// That `not` may stand in front of: not in, not contains, ...
bool negatable(Kind kind) { return kind >= Kind::in && kind <= Kind::ends_with; }

template <class... Parts>
NodePtr node(Kind kind, Parts... parts) {
  auto out = std::make_unique<Node>(Node{.kind = kind});
  (out->parts.push_back(std::move(parts)), ...);
  return out;
}

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  Result<NodePtr> whole() {
    WEIR_ASSIGN(auto out, expression());
    if (peek().kind != TokenKind::end) return unexpected();
    return out;
  }

 private:
  const Token& peek(std::size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  bool accept(std::string_view what) {
    if (!peek().is(what)) return false;
    ++at_;
    return true;
  }
  std::unexpected<Error> unexpected() const {
    const Token& token = peek();
    if (token.kind == TokenKind::end) return fail(Errc::config, "the expression ends too early");
    return fail(Errc::config, "unexpected '{}' at {}", token.text, token.at);
  }
  Result<> expect(std::string_view what) {
    if (!accept(what)) return unexpected();
    return {};
  }

  // Both expression() and binary() call themselves: each counts a level.
  Result<> deeper() {
    if (++depth_ > max_depth) return fail(Errc::config, "nested more than {} deep", max_depth);
    return {};
  }

  Result<NodePtr> expression() {
    WEIR_TRY(deeper());
    WEIR_ASSIGN(auto condition, binary(0));
    if (!accept("?")) return --depth_, std::move(condition);
    WEIR_ASSIGN(auto yes, expression());
    WEIR_TRY(expect(":"));
    WEIR_ASSIGN(auto no, expression());
    --depth_;
    return node(Kind::choose, std::move(condition), std::move(yes), std::move(no));
  }

  Result<NodePtr> binary(int least) {
    WEIR_TRY(deeper());
    WEIR_ASSIGN(auto left, unary());
    while (true) {
      bool negated = peek().is("not");
      const Operator* op = operator_of(peek(negated));
      if (op == nullptr || op->binds < least || (negated && !negatable(op->kind))) break;
      at_ += negated ? 2 : 1;
      WEIR_ASSIGN(auto right, binary(op->binds + 1));
      WEIR_ASSIGN(left, joined(*op, std::move(left), std::move(right)));
      if (negated != op->negated) left = node(Kind::not_, std::move(left));
    }
    --depth_;
    return left;
  }

  static Result<NodePtr> joined(const Operator& op, NodePtr left, NodePtr right) {
    auto out = node(op.kind, std::move(left), std::move(right));
    if (op.kind == Kind::matches && out->parts[1]->kind == Kind::text) {
      WEIR_ASSIGN(out->regex, Regex::compile(out->parts[1]->text));
    }
    return out;
  }

  Result<NodePtr> unary() {
    bool negation = peek().is("not") || peek().is("!");
    if (negation || peek().is("-")) {
      ++at_;
      WEIR_ASSIGN(auto inner, binary(negation ? not_binds : minus_binds));
      return node(negation ? Kind::not_ : Kind::negate, std::move(inner));
    }
    return primary();
  }

  Result<NodePtr> primary() {
    Token token = peek();
    if (accept("(")) {
      WEIR_ASSIGN(auto inner, expression());
      WEIR_TRY(expect(")"));
      return inner;
    }
    if (accept("[")) return list(Kind::list, "]");
    if (token.kind == TokenKind::end || token.kind == TokenKind::symbol) return unexpected();
    ++at_;
    if (token.kind == TokenKind::word) return word(token);
    auto out = node(token.kind == TokenKind::text ? Kind::text : Kind::number);
    out->text = token.text;
    out->number = token.number;
    return out;
  }

  Result<NodePtr> list(Kind kind, std::string_view end) {
    auto out = node(kind);
    if (accept(end)) return out;
    do {
      WEIR_ASSIGN(auto item, expression());
      out->parts.push_back(std::move(item));
    } while (accept(","));
    WEIR_TRY(expect(end));
    return out;
  }

  Result<NodePtr> word(const Token& token) {
    struct Name {
      std::string_view name;
      Kind kind;
      bool takes_argument;
    };
    static constexpr std::array names = {
        Name{"nil", Kind::nil, false},          Name{"true", Kind::boolean, false},    Name{"false", Kind::boolean, false},
        Name{"MetricName", Kind::metric_name, false}, Name{"MetricType", Kind::metric_type, false},
        Name{"HasLabel", Kind::has_label, true}, Name{"Label", Kind::label, true},     Name{"len", Kind::len, true},
        Name{"lower", Kind::lower, true},       Name{"upper", Kind::upper, true},      Name{"trim", Kind::trim, true}};
    for (auto& name : names) {
      if (token.text != name.name) continue;
      if (!name.takes_argument) {
        auto out = node(name.kind);
        out->boolean = token.text == "true";
        return out;
      }
      WEIR_TRY(expect("("));
      WEIR_ASSIGN(auto call, list(name.kind, ")"));
      if (call->parts.size() != 1) return fail(Errc::config, "{} at {} takes one argument", token.text, token.at);
      return call;
    }
    return fail(Errc::config, "unknown name '{}' at {}", token.text, token.at);
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Result<NodePtr> parse_expression(std::string_view text) {
  if (text.size() > max_size) return fail(Errc::config, "longer than {} bytes", max_size);
  WEIR_ASSIGN(auto tokens, Lexer(text).tokens());
  return Parser(std::move(tokens)).whole();
}

}  // namespace weir::processors::filter
