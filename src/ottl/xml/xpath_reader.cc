// From the text of an XPath to an expression.
#include "base/number.h"
#include "base/text.h"
#include "ottl/xml/xpath_tree.h"

namespace weir::ottl {
namespace {

using Expr = XPath::Expr;
using ExprPtr = std::unique_ptr<Expr>;

constexpr std::array<std::string_view, 12> axis_names = {"child",    "descendant",       "descendant-or-self", "attribute",         "self",      "parent",
                                                         "ancestor", "ancestor-or-self", "following",          "following-sibling", "preceding", "preceding-sibling"};

// Names of functions and how many arguments they take.
struct FunctionShape {
  std::string_view name;
  std::size_t least, most;
};
constexpr std::array<FunctionShape, 29> functions = {{{"last", 0, 0},          {"position", 0, 0},     {"count", 1, 1},       {"local-name", 0, 1},
                                                      {"name", 0, 1},          {"string", 0, 1},       {"concat", 2, 100},    {"starts-with", 2, 2},
                                                      {"ends-with", 2, 2},     {"contains", 2, 2},     {"substring", 2, 3},
                                                      {"substring-before", 2, 2}, {"substring-after", 2, 2}, {"string-length", 0, 1}, {"normalize-space", 0, 1},
                                                      {"translate", 3, 3},     {"replace", 3, 3},      {"not", 1, 1},         {"true", 0, 0},
                                                      {"false", 0, 0},         {"boolean", 1, 1},      {"number", 0, 1},      {"sum", 1, 1},
                                                      {"floor", 1, 1},         {"ceiling", 1, 1},      {"round", 1, 1},       {"lower-case", 1, 1},
                                                      {"string-join", 2, 2},   {"reverse", 1, 1}}};

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Result<ExprPtr> run() {
    WEIR_ASSIGN(auto out, expression(0));
    if (!rest().empty()) return fail(Errc::config, "unexpected \"{}\" in the XPath \"{}\"", rest(), text_);
    return out;
  }

 private:
  std::string_view rest() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
    return text_.substr(at_);
  }
  bool skip(std::string_view what) {
    if (!rest().starts_with(what)) return false;
    at_ += what.size();
    return true;
  }
  static bool in_name(unsigned char ch) { return std::isalnum(ch) || ch == '_' || ch == '-' || ch == '.' || ch >= 0x80; }
  std::string_view peek_name() {
    std::string_view left = rest();
    if (left.empty() || std::isdigit(static_cast<unsigned char>(left[0])) || left[0] == '-' || left[0] == '.') return {};
    std::size_t size = 0;
    while (size < left.size() && in_name(static_cast<unsigned char>(left[size]))) ++size;
    return left.substr(0, size);
  }
  bool skip_word(std::string_view word) {
    if (peek_name() != word) return false;
    return skip(word);
  }
  std::unexpected<Error> wrong(std::string_view why) { return fail(Errc::config, "invalid xpath \"{}\": {} at \"{}\"", text_, why, rest()); }

  // Operators by how tightly they bind, loosest first.
  bool binary(int level, XPathOp& out) {
    switch (level) {
      case 0: return skip_word("or") && (out = XPathOp::either, true);
      case 1: return skip_word("and") && (out = XPathOp::both, true);
      case 2: return (skip("!=") && (out = XPathOp::ne, true)) || (skip("=") && (out = XPathOp::eq, true));
      case 3:
        return (skip("<=") && (out = XPathOp::le, true)) || (skip(">=") && (out = XPathOp::ge, true)) || (skip("<") && (out = XPathOp::lt, true)) ||
               (skip(">") && (out = XPathOp::gt, true));
      case 4: return (skip("+") && (out = XPathOp::plus, true)) || (skip("-") && (out = XPathOp::minus, true));
      case 5: return (skip("*") && (out = XPathOp::times, true)) || (skip_word("div") && (out = XPathOp::div, true)) || (skip_word("mod") && (out = XPathOp::mod, true));
      default: return skip("|") && (out = XPathOp::join, true);
    }
  }
  static constexpr int unary_level = 6, union_level = 7;

  Result<ExprPtr> expression(int level) {
    if (level == unary_level) return negated();
    if (level == 0 && ++depth_ > 100) return wrong("it is nested too deeply");
    WEIR_ASSIGN(auto left, level == union_level ? path() : expression(level + 1));
    XPathOp op{};
    while (binary(level, op)) {
      WEIR_ASSIGN(auto right, level == union_level ? path() : expression(level + 1));
      left = combined(op, std::move(left), std::move(right));
    }
    if (level == 0) --depth_;
    return left;
  }
  static ExprPtr combined(XPathOp op, ExprPtr left, ExprPtr right) {
    auto out = std::make_unique<Expr>();
    out->op = op;
    out->parts.push_back(std::move(left));
    out->parts.push_back(std::move(right));
    return out;
  }
  Result<ExprPtr> negated() {
    bool negative = false;
    while (skip("-")) negative = !negative;
    WEIR_ASSIGN(auto inner, expression(union_level));
    if (!negative) return inner;
    auto minus_one = std::make_unique<Expr>();
    minus_one->number = -1;
    return combined(XPathOp::times, std::move(inner), std::move(minus_one));
  }

  bool at_call() {
    std::string_view word = peek_name();
    if (word.empty() || word == "node" || word == "text" || word == "comment" || word == "processing-instruction") return false;
    std::size_t before = at_;
    at_ += word.size();
    bool out = rest().starts_with('(');
    at_ = before;
    return out;
  }

  Result<ExprPtr> path() {
    auto out = std::make_unique<Expr>();
    out->op = XPathOp::path;
    std::string_view left = rest();
    if (left.empty()) return wrong("expression must evaluate to a node-set");
    bool number = std::isdigit(static_cast<unsigned char>(left[0])) || (left.size() > 1 && left[0] == '.' && std::isdigit(static_cast<unsigned char>(left[1])));
    if (left[0] == '(' || left[0] == '"' || left[0] == '\'' || number || at_call()) {
      WEIR_ASSIGN(auto start, primary());
      XPathStep filter{.axis = Axis::self, .test = NodeTest::node, .prefix = {}, .name = {}, .predicates = {}};
      WEIR_TRY(predicates(filter));
      if (filter.predicates.empty() && !rest().starts_with('/')) return start;
      out->parts.push_back(std::move(start));
      if (!filter.predicates.empty()) {  // of the whole set, not node by node
        auto whole = std::make_unique<Expr>();
        whole->op = XPathOp::call;
        whole->text = "[";
        whole->parts.push_back(std::move(out->parts[0]));
        for (auto& predicate : filter.predicates) whole->parts.push_back(std::move(predicate));
        out->parts[0] = std::move(whole);
      }
      if (!rest().starts_with('/')) return std::move(out->parts[0]);
    } else if (left[0] == '/') {
      out->absolute = true;
      if (!left.starts_with("//")) {
        skip("/");
        if (!at_step()) return out;
        WEIR_TRY(step(*out));
      }
    } else {
      WEIR_TRY(step(*out));
    }
    for (;;) {
      if (skip("//"))
        out->steps.push_back({.axis = Axis::descendant_or_self, .test = NodeTest::node, .prefix = {}, .name = {}, .predicates = {}});
      else if (!skip("/"))
        return out;
      WEIR_TRY(step(*out));
    }
  }
  bool at_step() {
    std::string_view left = rest();
    return !left.empty() && (left[0] == '.' || left[0] == '@' || left[0] == '*' || !peek_name().empty());
  }

  Result<> step(Expr& to) {
    XPathStep out;
    bool up = skip("..");
    if (up || skip(".")) {
      out.axis = up ? Axis::parent : Axis::self;
      out.test = NodeTest::node;
    } else {
      WEIR_TRY(axis(out));
      WEIR_TRY(node_test(out));
    }
    WEIR_TRY(predicates(out));
    to.steps.push_back(std::move(out));
    return {};
  }
  Result<> axis(XPathStep& out) {
    if (skip("@")) return out.axis = Axis::attribute, Result<>{};
    std::string_view word = peek_name();
    std::size_t before = at_;
    if (word.empty()) return {};
    at_ += word.size();
    if (!skip("::")) return at_ = before, Result<>{};
    auto found = std::find(axis_names.begin(), axis_names.end(), word);
    if (found == axis_names.end()) return wrong(fmt::format("unknown axe type {}", word));
    out.axis = static_cast<Axis>(found - axis_names.begin());
    return {};
  }
  Result<> node_test(XPathStep& out) {
    if (skip("*")) return {};
    std::string_view word = peek_name();
    if (word.empty()) return wrong("expression must evaluate to a node-set");
    at_ += word.size();
    constexpr std::array<std::pair<std::string_view, NodeTest>, 4> kinds = {
        {{"node", NodeTest::node}, {"text", NodeTest::text}, {"comment", NodeTest::comment}, {"processing-instruction", NodeTest::instruction}}};
    for (auto& [name, test] : kinds)
      if (word == name && skip("(")) {
        out.test = test;
        return skip(")") ? Result<>{} : Result<>(wrong("missing )"));
      }
    out.test = NodeTest::name;
    out.name = word;
    if (at_ < text_.size() && text_[at_] == ':') {
      ++at_;
      out.prefix = word;
      out.name = peek_name();
      if (out.name.empty() && !skip("*")) return wrong("an invalid qualified name");
      at_ += out.name.size();
    }
    return {};
  }
  Result<> predicates(XPathStep& out) {
    while (skip("[")) {
      WEIR_ASSIGN(auto condition, expression(0));
      if (!skip("]")) return wrong("missing ]");
      out.predicates.push_back(std::move(condition));
    }
    return {};
  }

  Result<ExprPtr> primary() {
    auto out = std::make_unique<Expr>();
    if (skip("(")) {
      WEIR_ASSIGN(out, expression(0));
      if (!skip(")")) return wrong("missing )");
      return out;
    }
    char first = rest()[0];
    if (first == '"' || first == '\'') {
      std::size_t end = text_.find(first, at_ + 1);
      if (end == std::string_view::npos) return wrong("unclosed string");
      out->op = XPathOp::text;
      out->text = text_.substr(at_ + 1, end - at_ - 1);
      at_ = end + 1;
      return out;
    }
    if (std::isdigit(static_cast<unsigned char>(first)) || first == '.') {
      std::size_t begin = at_;
      while (at_ < text_.size() && (std::isdigit(static_cast<unsigned char>(text_[at_])) || text_[at_] == '.')) ++at_;
      auto number = parse_go_double(text_.substr(begin, at_ - begin));
      if (!number) return wrong("an invalid number");
      out->number = *number;
      return out;
    }
    return call();
  }
  Result<ExprPtr> call() {
    auto out = std::make_unique<Expr>();
    out->op = XPathOp::call;
    out->text = peek_name();
    at_ += out->text.size();
    skip("(");
    if (!skip(")")) {
      do {
        WEIR_ASSIGN(auto argument, expression(0));
        out->parts.push_back(std::move(argument));
      } while (skip(","));
      if (!skip(")")) return wrong("missing )");
    }
    for (auto& shape : functions) {
      if (shape.name != out->text) continue;
      if (out->parts.size() < shape.least || out->parts.size() > shape.most) return wrong(fmt::format("wrong number of arguments for {}", shape.name));
      return out;
    }
    return wrong(fmt::format("unknown function {}", out->text));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Result<std::unique_ptr<XPath::Expr>> read_xpath(std::string_view text) { return Reader(text).run(); }

}  // namespace weir::ottl
