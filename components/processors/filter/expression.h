#pragma once
// The expressions of match_type expr: those of components/shared/expressions about one data point, with MetricName, MetricType,
// HasLabel("key") and Label("key").
#include "components/shared/expressions/expression.h"
#include "otlp/model.h"

namespace weir::processors::filter {

// Immutable once compiled. One core.
class Expression {
 public:
  // Errc::config, with the place, for what cannot be read.
  static Result<Expression> compile(std::string_view text);

  // Whether it holds for one data point. Fails when an operator gets what it cannot work on, or when the outcome is
  // neither true nor false.
  Result<bool> test(const otlp::Metric& metric, const otlp::DataPoint& point) const;

 private:
  explicit Expression(expressions::Expression expression) : expression_(std::move(expression)) {}
  expressions::Expression expression_;
};

}  // namespace weir::processors::filter
