#include "components/processors/filter/expression.h"

namespace weir::processors::filter {
namespace {

using expressions::Kind;
using expressions::Value;

enum Name : std::size_t { metric_name, metric_type };
enum Function : std::size_t { has_label, label };
constexpr std::string_view variables[] = {"MetricName", "MetricType"};
constexpr expressions::Vocabulary::Function functions[] = {{"HasLabel", 1}, {"Label", 1}};
constexpr expressions::Vocabulary vocabulary{variables, functions, false};

std::string_view type_name(otlp::MetricType type) {
  constexpr std::array<std::string_view, 6> names = {"Empty", "Gauge", "Sum", "Histogram", "ExponentialHistogram", "Summary"};
  return names[static_cast<std::size_t>(type)];
}

class Point final : public expressions::Environment {
 public:
  Point(const otlp::Metric& metric, const otlp::DataPoint& point) : metric_(metric), point_(point) {}

  Value variable(std::size_t index) override { return Value::of(index == metric_name ? metric_.name : type_name(metric_.type)); }
  Result<Value> call(std::size_t index, std::span<const Value> arguments) override {
    if (!arguments[0].is(Kind::text)) return fail(Errc::permanent, "{} needs the name of a label", functions[index].name);
    const otlp::Value* found = point_.attributes.find(arguments[0].text);
    if (index == has_label) return Value::of(found != nullptr);
    // Only text has a value.
    return Value::of(found && found->is(otlp::ValueType::string) ? found->text : std::string_view(""));
  }

 private:
  const otlp::Metric& metric_;
  const otlp::DataPoint& point_;
};

}  // namespace

Result<Expression> Expression::compile(std::string_view text) {
  WEIR_ASSIGN(auto expression, expressions::Expression::compile(text, vocabulary, expressions::Expression::Want::boolean));
  return Expression(std::move(expression));
}

Result<bool> Expression::test(const otlp::Metric& metric, const otlp::DataPoint& point) const {
  Arena arena;
  Point around(metric, point);
  return expression_.test(around, arena);
}

}  // namespace weir::processors::filter
