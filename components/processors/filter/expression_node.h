#pragma once
// The tree of an expression.
#include "components/processors/filter/expression.h"

namespace weir::processors::filter {

enum class ExpressionKind : std::uint8_t {
  nil, boolean, number, text, list, metric_name, metric_type, has_label, label, len, lower, upper, trim,
  choose, or_, and_, equal, less, less_equal, greater, greater_equal, in, matches, contains, starts_with, ends_with,
  add, subtract, multiply, divide, modulo, not_, negate
};

struct ExpressionNode {
  ExpressionKind kind;
  std::vector<std::unique_ptr<ExpressionNode>> parts;
  bool boolean = false;
  double number = 0;
  std::string text;
  std::optional<Regex> regex;  // matches, when the pattern is written out
};

Result<std::unique_ptr<ExpressionNode>> parse_expression(std::string_view text);

}  // namespace weir::processors::filter
