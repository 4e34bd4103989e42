#include "components/shared/expressions/lexer.h"
#include "components/shared/expressions/node.h"

namespace weir::expressions {
namespace {

using NodePtr = std::unique_ptr<Node>;

constexpr std::size_t max_size = 64 * 1024;
constexpr int max_depth = 200;

struct Operator {
  std::string_view word;
  NodeKind kind;
  int binds;  // tighter is more
  bool right = false;
};
constexpr Operator operators[] = {
    {"or", NodeKind::or_, 10},          {"||", NodeKind::or_, 10},        {"and", NodeKind::and_, 15},
    {"&&", NodeKind::and_, 15},         {"==", NodeKind::equal, 20},      {"!=", NodeKind::not_equal, 20},
    {"<", NodeKind::less, 20},          {"<=", NodeKind::less_equal, 20}, {">", NodeKind::greater, 20},
    {">=", NodeKind::greater_equal, 20}, {"in", NodeKind::in, 20},        {"matches", NodeKind::matches, 20},
    {"contains", NodeKind::contains, 20}, {"startsWith", NodeKind::starts_with, 20}, {"endsWith", NodeKind::ends_with, 20},
    {"..", NodeKind::range, 25},        {"+", NodeKind::add, 30},         {"-", NodeKind::subtract, 30},
    {"*", NodeKind::multiply, 60},      {"/", NodeKind::divide, 60},      {"%", NodeKind::modulo, 60},
    {"**", NodeKind::power, 100, true}, {"^", NodeKind::power, 100, true}, {"??", NodeKind::coalesce, 500}};
constexpr int not_binds = 50, sign_binds = 90;

const Operator* operator_of(const Token& token) {
  for (auto& candidate : operators)
    if (token.is(candidate.word)) return &candidate;
  return nullptr;
}
// That `not` may stand in front of: not in, not contains, ...
bool negatable(NodeKind kind) { return kind >= NodeKind::in && kind <= NodeKind::ends_with; }

template <class... Parts>
NodePtr node(NodeKind kind, Parts... parts) {
  auto out = std::make_unique<Node>(Node{.kind = kind});
  (out->parts.push_back(std::move(parts)), ...);
  return out;
}

NodePtr constant(Value value) {
  auto out = node(NodeKind::constant);
  out->value = value;
  return out;
}

bool is_constant(const Node& node, Kind kind) { return node.kind == NodeKind::constant && node.value.is(kind); }

class Parser {
 public:
  Parser(std::vector<Token> tokens, const Vocabulary& vocabulary, Arena& constants)
      : tokens_(std::move(tokens)), vocabulary_(vocabulary), arena_(constants) {}

  Result<Parsed> whole() {
    WEIR_ASSIGN(auto root, sequence());
    if (peek().kind != TokenKind::end) return unexpected();
    return Parsed{std::move(root), most_locals_};
  }

 private:
  const Token& peek(std::size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  bool accept(std::string_view what) { return peek().is(what) && (++at_, true); }
  std::unexpected<Error> unexpected() const {
    const Token& token = peek();
    if (token.kind == TokenKind::end) return fail(Errc::config, "the expression ends too early");
    return fail(Errc::config, "unexpected '{}' at {}", token.text, token.at);
  }
  Result<> expect(std::string_view what) {
    if (!accept(what)) return unexpected();
    return {};
  }


  // let x = 1; rest
  Result<NodePtr> sequence() {
    if (!peek().is("let")) return expression();
    if (++depth_ > max_depth) return fail(Errc::config, "nested more than {} deep", max_depth);
    ++at_;
    Token name = peek();
    if (name.kind != TokenKind::name) return unexpected();
    ++at_;
    WEIR_TRY(expect("="));
    WEIR_ASSIGN(auto value, expression());
    WEIR_TRY(expect(";"));
    locals_.push_back(name.text);
    most_locals_ = std::max(most_locals_, locals_.size());
    WEIR_ASSIGN(auto rest, sequence());
    locals_.pop_back();
    --depth_;
    auto out = node(NodeKind::define, std::move(value), std::move(rest));
    out->index = locals_.size();
    return out;
  }

  Result<NodePtr> expression() {
    if (++depth_ > max_depth) return fail(Errc::config, "nested more than {} deep", max_depth);
    if (peek().is("if")) {
      auto out = if_else();
      --depth_;
      return out;
    }
    WEIR_ASSIGN(auto left, binary(0));
    while (accept("?")) {
      if (accept(":")) {  // a ?: b
        WEIR_ASSIGN(auto other, expression());
        (void)other;
        return fail(Errc::config, "'? :' without a value between is not supported");
      }
      WEIR_ASSIGN(auto yes, expression());
      WEIR_TRY(expect(":"));
      WEIR_ASSIGN(auto no, expression());
      left = node(NodeKind::choose, std::move(left), std::move(yes), std::move(no));
    }
    --depth_;
    return left;
  }

  Result<NodePtr> if_else() {
    ++at_;
    WEIR_ASSIGN(auto condition, binary(0));
    WEIR_TRY(expect("{"));
    WEIR_ASSIGN(auto yes, sequence());
    WEIR_TRY(expect("}"));
    WEIR_TRY(expect("else"));
    if (peek().is("if")) {
      WEIR_ASSIGN(auto other, expression());
      return node(NodeKind::choose, std::move(condition), std::move(yes), std::move(other));
    }
    WEIR_TRY(expect("{"));
    WEIR_ASSIGN(auto no, sequence());
    WEIR_TRY(expect("}"));
    return node(NodeKind::choose, std::move(condition), std::move(yes), std::move(no));
  }

  Result<NodePtr> binary(int least) {
    if (++depth_ > max_depth) return fail(Errc::config, "nested more than {} deep", max_depth);
    WEIR_ASSIGN(auto left, unary());
    while (true) {
      if (least <= 0 && peek().is("|")) {
        WEIR_ASSIGN(left, pipe(std::move(left)));
        continue;
      }
      bool negated = peek().is("not");
      const Operator* op = operator_of(peek(negated));
      if (op == nullptr || op->binds < least || (negated && !negatable(op->kind))) break;
      at_ += negated ? 2 : 1;
      WEIR_ASSIGN(auto right, binary(op->right ? op->binds : op->binds + 1));
      WEIR_ASSIGN(left, joined(*op, std::move(left), std::move(right)));
      if (negated) left = node(NodeKind::not_, std::move(left));
    }
    --depth_;
    return left;
  }

  Result<NodePtr> joined(const Operator& op, NodePtr left, NodePtr right) {
    auto out = node(op.kind, std::move(left), std::move(right));
    Kind a = kind_of(*out->parts[0]), b = kind_of(*out->parts[1]);
    auto wrong = [&](Kind kind, std::initializer_list<Kind> fit) {
      return kind != Kind::opaque && kind != Kind::nil && std::find(fit.begin(), fit.end(), kind) == fit.end();
    };
    bool truths = op.kind == NodeKind::or_ || op.kind == NodeKind::and_;
    bool texts = op.kind >= NodeKind::matches && op.kind <= NodeKind::ends_with;
    bool numbers = op.kind >= NodeKind::subtract && op.kind <= NodeKind::power && op.kind != NodeKind::subtract;
    bool bad = (truths && (wrong(a, {Kind::boolean}) || wrong(b, {Kind::boolean}))) ||
               (texts && (wrong(a, {Kind::text, Kind::bytes}) || wrong(b, {Kind::text}))) ||
               (numbers && (wrong(a, {Kind::integer, Kind::real, Kind::duration}) || wrong(b, {Kind::integer, Kind::real, Kind::duration})));
    if (bad) return fail(Errc::config, "'{}' does not work on these operands", op.word);
    if (op.kind == NodeKind::matches && is_constant(*out->parts[1], Kind::text)) {
      WEIR_ASSIGN(out->regex, Regex::compile(out->parts[1]->value.text));
    }
    return out;
  }

  // a | f(b) is f(a, b)
  Result<NodePtr> pipe(NodePtr first) {
    ++at_;
    Token name = peek();
    if (name.kind != TokenKind::name) return unexpected();
    ++at_;
    WEIR_TRY(expect("("));
    WEIR_ASSIGN(auto out, call(name, std::move(first)));
    return postfix(std::move(out));
  }

  Result<NodePtr> unary() {
    const Token& token = peek();
    if (token.is("not") || token.is("!")) {
      ++at_;
      WEIR_ASSIGN(auto inner, binary(not_binds));
      Kind kind = kind_of(*inner);
      if (kind != Kind::opaque && kind != Kind::boolean) return fail(Errc::config, "'not' needs true or false");
      return node(NodeKind::not_, std::move(inner));
    }
    if (token.is("-") || token.is("+")) {
      NodeKind kind = token.is("-") ? NodeKind::negate : NodeKind::plus;
      ++at_;
      WEIR_ASSIGN(auto inner, binary(sign_binds));
      return node(kind, std::move(inner));
    }
    return primary();
  }

  Result<NodePtr> primary() {
    Token token = peek();
    if (accept("(")) {
      WEIR_ASSIGN(auto inner, sequence());
      WEIR_TRY(expect(")"));
      return postfix(std::move(inner));
    }
    if (accept("[")) {
      WEIR_ASSIGN(auto out, list());
      return postfix(std::move(out));
    }
    if (accept("{")) {
      WEIR_ASSIGN(auto out, map());
      return postfix(std::move(out));
    }
    if (token.is("#") || (token.is(".") && closures_ > 0)) return pointer();
    if (token.kind == TokenKind::end || token.kind == TokenKind::symbol || token.kind == TokenKind::word) return unexpected();
    ++at_;
    if (token.kind == TokenKind::name) {
      WEIR_ASSIGN(auto out, name(token));
      return postfix(std::move(out));
    }
    return postfix(constant_of(token));
  }

  NodePtr constant_of(const Token& token) {
    switch (token.kind) {
      case TokenKind::integer: return constant(Value::of(token.integer));
      case TokenKind::real: return constant(Value::of(token.real));
      case TokenKind::bytes: return constant(Value::of_bytes(arena_.copy(token.text)));
      default: return constant(text_constant(token.text));
    }
  }
  Value text_constant(std::string_view text) { return Value::of(text.empty() ? std::string_view("") : arena_.copy(text)); }

  // #, #index, #acc, and .field for #.field
  Result<NodePtr> pointer() {
    if (closures_ == 0) return unexpected();
    if (peek().is(".")) return postfix(node(NodeKind::element));
    std::size_t behind = peek().at + 1;
    ++at_;
    const Token& word = peek();
    if (word.kind != TokenKind::name || word.at != behind) return postfix(node(NodeKind::element));
    NodeKind kind = word.text == "index" ? NodeKind::index : NodeKind::accumulator;
    if (word.text != "index" && word.text != "acc") return fail(Errc::config, "unknown '#{}' at {}", word.text, behind);
    ++at_;
    return postfix(node(kind));
  }

  Result<NodePtr> name(const Token& token) {
    if (accept("(")) return call(token, nullptr);
    if (token.text == "nil") return constant(Value());
    if (token.text == "true" || token.text == "false") return constant(Value::of(token.text == "true"));
    for (std::size_t i = locals_.size(); i-- > 0;) {
      if (locals_[i] != token.text) continue;
      auto out = node(NodeKind::local);
      return out->index = i, std::move(out);
    }
    auto known = std::find(vocabulary_.variables.begin(), vocabulary_.variables.end(), token.text);
    if (known != vocabulary_.variables.end()) {
      auto out = node(NodeKind::variable);
      return out->index = static_cast<std::size_t>(known - vocabulary_.variables.begin()), std::move(out);
    }
    if (!vocabulary_.others_are_nil) return fail(Errc::config, "unknown name '{}' at {}", token.text, token.at);
    return constant(Value());
  }

  Result<NodePtr> postfix(NodePtr value) {
    bool optional = false;
    while (true) {
      if (peek().is(".") || peek().is("?.")) {
        NodeKind kind = accept("?.") ? NodeKind::optional_member : (++at_, NodeKind::member);
        optional |= kind == NodeKind::optional_member;
        if (kind == NodeKind::optional_member && accept("[")) {
          WEIR_ASSIGN(auto key, expression());
          WEIR_TRY(expect("]"));
          value = node(kind, std::move(value), std::move(key));
          continue;
        }
        Token key = peek();
        if (key.kind != TokenKind::name && key.kind != TokenKind::word) return unexpected();
        ++at_;
        if (peek().is("(")) return fail(Errc::config, "the method '{}' at {} is not supported", key.text, key.at);
        value = node(kind, std::move(value), constant(text_constant(key.text)));
      } else if (accept("[")) {
        WEIR_ASSIGN(value, subscript(std::move(value)));
      } else {
        break;
      }
    }
    if (optional) value = node(NodeKind::chain, std::move(value));
    return value;
  }

  // a[1], a[1:2], a[:2], a[1:]
  Result<NodePtr> subscript(NodePtr value) {
    NodePtr from, to;
    if (!peek().is(":")) {
      WEIR_ASSIGN(from, expression());
      if (accept("]")) return node(NodeKind::member, std::move(value), std::move(from));
    }
    WEIR_TRY(expect(":"));
    if (!peek().is("]")) {
      WEIR_ASSIGN(to, expression());
    }
    WEIR_TRY(expect("]"));
    if (!from) from = constant(Value::of(std::int64_t{0}));
    if (!to) to = constant(Value::of(std::numeric_limits<std::int64_t>::max()));
    return node(NodeKind::slice, std::move(value), std::move(from), std::move(to));
  }

  Result<NodePtr> list() {
    auto out = node(NodeKind::list);
    while (!accept("]")) {
      WEIR_ASSIGN(auto item, expression());
      out->parts.push_back(std::move(item));
      if (accept(",")) continue;
      WEIR_TRY(expect("]"));
      break;
    }
    return folded(std::move(out));
  }

  // A list of constants is made once.
  NodePtr folded(NodePtr list) {
    auto* items = arena_.make<otlp::Array>();
    for (auto& part : list->parts)
      if (part->kind != NodeKind::constant || !push(*items, part->value, arena_)) return list;
    return constant(Value::of(items));
  }

  Result<NodePtr> map() {
    auto out = node(NodeKind::map);
    while (!accept("}")) {
      Token key = peek();
      if (accept("(")) {
        WEIR_ASSIGN(auto computed, expression());
        WEIR_TRY(expect(")"));
        out->parts.push_back(std::move(computed));
      } else if (key.kind == TokenKind::name || key.kind == TokenKind::word || key.kind == TokenKind::text || key.kind == TokenKind::integer) {
        ++at_;
        out->parts.push_back(constant(text_constant(key.kind == TokenKind::integer ? fmt::format("{}", key.integer) : key.text)));
      } else {
        return unexpected();
      }
      WEIR_TRY(expect(":"));
      WEIR_ASSIGN(auto item, expression());
      out->parts.push_back(std::move(item));
      if (accept(",")) continue;
      WEIR_TRY(expect("}"));
      break;
    }
    return out;
  }

  // Behind the bracket. `first` is what a pipe puts in front.
  Result<NodePtr> call(const Token& token, NodePtr first) {
    for (std::size_t i = 0; i < vocabulary_.functions.size(); ++i) {
      if (vocabulary_.functions[i].name != token.text) continue;
      auto out = node(NodeKind::outside_call);
      out->index = i;
      if (first) out->parts.push_back(std::move(first));
      WEIR_TRY(arguments(*out, false));
      if (out->parts.size() != vocabulary_.functions[i].arguments)
        return fail(Errc::config, "{} at {} takes {} arguments", token.text, token.at, vocabulary_.functions[i].arguments);
      return out;
    }
    const BuiltinInfo* known = find_builtin(token.text);
    if (known == nullptr) return fail(Errc::config, "unknown function '{}' at {}", token.text, token.at);
    auto out = node(known->closure ? NodeKind::closure_call : NodeKind::call);
    out->builtin = known;
    if (first) out->parts.push_back(std::move(first));
    WEIR_TRY(arguments(*out, known->closure));
    if (out->parts.size() < known->least || out->parts.size() > known->most)
      return fail(Errc::config, "wrong number of arguments for {} at {}", token.text, token.at);
    return out;
  }

  Result<> arguments(Node& to, bool closure) {
    while (!accept(")")) {
      bool second = closure && to.parts.size() == 1;
      if (second) ++closures_;
      bool braces = second && accept("{");
      WEIR_ASSIGN(auto argument, braces ? sequence() : expression());
      if (braces) WEIR_TRY(expect("}"));
      if (second) --closures_;
      to.parts.push_back(std::move(argument));
      if (accept(",")) continue;
      return expect(")");
    }
    return {};
  }

  std::vector<Token> tokens_;
  const Vocabulary& vocabulary_;
  Arena& arena_;
  std::size_t at_ = 0, most_locals_ = 0;
  std::vector<std::string> locals_;
  int depth_ = 0, closures_ = 0;
};

}  // namespace

Result<Parsed> parse_expression(std::string_view text, const Vocabulary& vocabulary, Arena& constants) {
  if (text.size() > max_size) return fail(Errc::config, "longer than {} bytes", max_size);
  WEIR_ASSIGN(auto tokens, read_tokens(text));
  return Parser(std::move(tokens), vocabulary, constants).whole();
}

Kind kind_of(const Node& node) {
  switch (node.kind) {
    case NodeKind::constant: return node.value.nil() ? Kind::nil : node.value.kind;
    case NodeKind::or_:
    case NodeKind::and_:
    case NodeKind::not_:
    case NodeKind::equal:
    case NodeKind::not_equal:
    case NodeKind::less:
    case NodeKind::less_equal:
    case NodeKind::greater:
    case NodeKind::greater_equal:
    case NodeKind::in:
    case NodeKind::matches:
    case NodeKind::contains:
    case NodeKind::starts_with:
    case NodeKind::ends_with: return Kind::boolean;
    case NodeKind::list:
    case NodeKind::range: return Kind::list;
    case NodeKind::map: return Kind::map;
    case NodeKind::define: return kind_of(*node.parts[1]);
    case NodeKind::power:
    case NodeKind::divide: return Kind::real;
    case NodeKind::add:
    case NodeKind::subtract:
    case NodeKind::multiply:
    case NodeKind::modulo: {
      Kind a = kind_of(*node.parts[0]), b = kind_of(*node.parts[1]);
      return a == b ? a : Kind::opaque;
    }
    case NodeKind::choose: {
      Kind a = kind_of(*node.parts[1]), b = kind_of(*node.parts[2]);
      return a == b ? a : Kind::opaque;
    }
    case NodeKind::call:
    case NodeKind::closure_call: return node.builtin->gives;
    default: return Kind::opaque;
  }
}

}  // namespace weir::expressions
