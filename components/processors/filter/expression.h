#pragma once
// The expressions of match_type expr, as far as filters of metrics need them: MetricName, MetricType, HasLabel("key"),
// Label("key"), literals, lists, len/lower/upper/trim, and the operators
//   ? :   or ||   and &&   == != < <= > >= in matches contains startsWith endsWith (each with `not` in front)
//   + - * / %   not ! -
// from loosest to tightest.
#include "base/regex.h"
#include "otlp/model.h"

namespace weir::processors::filter {

struct ExpressionNode;

// Immutable once compiled. One core.
class Expression {
 public:
  // Errc::config, with the place, for what cannot be read. At most 64 KiB and 200 levels (brackets count two).
  static Result<Expression> compile(std::string_view text);
  Expression(Expression&&) noexcept;
  Expression& operator=(Expression&&) noexcept;
  ~Expression();

  // Whether it holds for one data point. Fails when an operator gets what it cannot work on, or when the outcome is
  // neither true nor false.
  Result<bool> test(const otlp::Metric& metric, const otlp::DataPoint& point) const;

 private:
  explicit Expression(std::unique_ptr<ExpressionNode> root);
  std::unique_ptr<ExpressionNode> root_;
};

}  // namespace weir::processors::filter
