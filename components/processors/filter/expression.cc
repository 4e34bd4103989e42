#include "base/text.h"
#include "components/processors/filter/expression_node.h"

namespace weir::processors::filter {
namespace {

using Kind = ExpressionKind;
using Node = ExpressionNode;

// Text that is not a view into the metric or the expression is kept in the evaluation.
struct Value {
  enum class Type : std::uint8_t { nil, boolean, number, text, list } type = Type::nil;
  bool boolean = false;
  double number = 0;
  std::string_view text;
  std::vector<Value> items;

  static Value of(bool v) { return {.type = Type::boolean, .boolean = v}; }
  static Value of(double v) { return {.type = Type::number, .number = v}; }
  static Value of(std::string_view v) { return {.type = Type::text, .text = v}; }
};

std::string_view type_name(otlp::MetricType type) {
  constexpr std::array<std::string_view, 6> names = {"Empty", "Gauge", "Sum", "Histogram", "ExponentialHistogram", "Summary"};
  return names[static_cast<std::size_t>(type)];
}

bool equal(const Value& a, const Value& b) {
  if (a.type != b.type) return false;
  switch (a.type) {
    case Value::Type::nil: return true;
    case Value::Type::boolean: return a.boolean == b.boolean;
    case Value::Type::number: return a.number == b.number;
    case Value::Type::text: return a.text == b.text;
    case Value::Type::list: return std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), equal);
  }
  return false;
}

std::unexpected<Error> wrong_types() { return fail(Errc::permanent, "an operator got values it cannot work on"); }

class Evaluation {
 public:
  Evaluation(const otlp::Metric& metric, const otlp::DataPoint& point) : metric_(metric), point_(point) {}

  Result<Value> value(const Node& node) {
    switch (node.kind) {
      case Kind::nil: return Value{};
      case Kind::boolean: return Value::of(node.boolean);
      case Kind::number: return Value::of(node.number);
      case Kind::text: return Value::of(std::string_view(node.text));
      case Kind::list: return list(node);
      case Kind::metric_name: return Value::of(metric_.name);
      case Kind::metric_type: return Value::of(type_name(metric_.type));
      case Kind::has_label:
      case Kind::label:
      case Kind::len:
      case Kind::lower:
      case Kind::upper:
      case Kind::trim: return call(node);
      case Kind::or_:
      case Kind::and_: return join(node);
      case Kind::not_: return negation(node);
      case Kind::negate: return minus(node);
      case Kind::choose: {
        WEIR_ASSIGN(bool first, truth(*node.parts[0]));
        return value(*node.parts[first ? 1 : 2]);
      }
      default: return binary(node);
    }
  }

  Result<bool> truth(const Node& node) {
    WEIR_ASSIGN(Value out, value(node));
    if (out.type != Value::Type::boolean) return fail(Errc::permanent, "the expression is neither true nor false");
    return out.boolean;
  }

 private:
  Result<Value> list(const Node& node) {
    Value out{.type = Value::Type::list};
    for (auto& part : node.parts) {
      WEIR_ASSIGN(Value item, value(*part));
      out.items.push_back(std::move(item));
    }
    return out;
  }

  Result<Value> join(const Node& node) {
    bool decisive = node.kind == Kind::or_;
    WEIR_ASSIGN(bool left, truth(*node.parts[0]));
    if (left == decisive) return Value::of(left);
    WEIR_ASSIGN(bool right, truth(*node.parts[1]));
    return Value::of(right);
  }

  Result<Value> negation(const Node& node) {
    WEIR_ASSIGN(bool inner, truth(*node.parts[0]));
    return Value::of(!inner);
  }

  Result<Value> minus(const Node& node) {
    WEIR_ASSIGN(Value inner, value(*node.parts[0]));
    if (inner.type != Value::Type::number) return wrong_types();
    return Value::of(-inner.number);
  }

  Result<Value> call(const Node& node) {
    WEIR_ASSIGN(Value argument, value(*node.parts[0]));
    if (node.kind == Kind::len && argument.type == Value::Type::list) return Value::of(static_cast<double>(argument.items.size()));
    if (argument.type != Value::Type::text) return wrong_types();
    switch (node.kind) {
      case Kind::has_label: return Value::of(point_.attributes.find(argument.text) != nullptr);
      case Kind::label: return label(argument.text);
      case Kind::len: return Value::of(static_cast<double>(characters(argument.text)));
      case Kind::lower: return kept(to_lower(argument.text));
      case Kind::upper: return kept(to_upper(argument.text));
      default: return Value::of(trim(argument.text));
    }
  }

  Value label(std::string_view key) const {
    const otlp::Value* found = point_.attributes.find(key);
    return Value::of(found && found->is(otlp::ValueType::string) ? found->text : std::string_view{});
  }
  static std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
  }
  static std::string to_upper(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return out;
  }
  Value kept(std::string text) { return Value::of(std::string_view(*kept_.emplace_back(std::make_unique<std::string>(std::move(text))))); }

  Result<Value> binary(const Node& node) {
    WEIR_ASSIGN(Value a, value(*node.parts[0]));
    WEIR_ASSIGN(Value b, value(*node.parts[1]));
    if (node.kind == Kind::equal) return Value::of(equal(a, b));
    if (node.kind == Kind::in) return contained(a, b);
    if (a.type == Value::Type::text && b.type == Value::Type::text) return texts(node, a.text, b.text);
    if (a.type == Value::Type::number && b.type == Value::Type::number) return numbers(node.kind, a.number, b.number);
    return wrong_types();
  }

  static Result<Value> contained(const Value& a, const Value& b) {
    if (b.type != Value::Type::list) return wrong_types();
    return Value::of(std::any_of(b.items.begin(), b.items.end(), [&](const Value& item) { return equal(a, item); }));
  }

  Result<Value> texts(const Node& node, std::string_view a, std::string_view b) {
    switch (node.kind) {
      case Kind::less: return Value::of(a < b);
      case Kind::less_equal: return Value::of(a <= b);
      case Kind::greater: return Value::of(a > b);
      case Kind::greater_equal: return Value::of(a >= b);
      case Kind::contains: return Value::of(a.find(b) != a.npos);
      case Kind::starts_with: return Value::of(a.starts_with(b));
      case Kind::ends_with: return Value::of(a.ends_with(b));
      case Kind::add: return kept(std::string(a) + std::string(b));
      case Kind::matches: {
        if (node.regex) return Value::of(node.regex->matches(a));
        WEIR_ASSIGN(Regex regex, Regex::compile(b));
        return Value::of(regex.matches(a));
      }
      default: return wrong_types();
    }
  }

  static Result<Value> numbers(Kind kind, double a, double b) {
    switch (kind) {
      case Kind::less: return Value::of(a < b);
      case Kind::less_equal: return Value::of(a <= b);
      case Kind::greater: return Value::of(a > b);
      case Kind::greater_equal: return Value::of(a >= b);
      case Kind::add: return Value::of(a + b);
      case Kind::subtract: return Value::of(a - b);
      case Kind::multiply: return Value::of(a * b);
      case Kind::divide: return Value::of(a / b);
      case Kind::modulo: return b == 0 ? Result<Value>(wrong_types()) : Value::of(std::fmod(a, b));
      default: return wrong_types();
    }
  }

  const otlp::Metric& metric_;
  const otlp::DataPoint& point_;
  std::vector<std::unique_ptr<std::string>> kept_;
};

}  // namespace

Expression::Expression(std::unique_ptr<ExpressionNode> root) : root_(std::move(root)) {}
Expression::Expression(Expression&&) noexcept = default;
Expression& Expression::operator=(Expression&&) noexcept = default;
Expression::~Expression() = default;

Result<Expression> Expression::compile(std::string_view text) {
  auto root = parse_expression(text);
  if (!root) return fail(Errc::config, "expression \"{}\": {}", text, root.error().what);
  return Expression(std::move(*root));
}

Result<bool> Expression::test(const otlp::Metric& metric, const otlp::DataPoint& point) const {
  return Evaluation(metric, point).truth(*root_);
}

}  // namespace weir::processors::filter
