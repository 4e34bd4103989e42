#include "components/processors/filter/expression.h"

#include <doctest/doctest.h>

using namespace weir;
using processors::filter::Expression;

namespace {

// "true", "false", "error", or "config".
std::string outcome(std::string_view text) {
  auto expression = Expression::compile(text);
  if (!expression) return "config";
  Arena arena;
  otlp::Metric metric;
  metric.name = "http.requests";
  metric.type = otlp::MetricType::exponential_histogram;
  otlp::DataPoint point;
  point.attributes.set(arena, "code", otlp::Value::of(std::string_view("500")));
  point.attributes.set(arena, "n", otlp::Value::of(std::int64_t{5}));
  auto result = expression->test(metric, point);
  return !result ? "error" : *result ? "true" : "false";
}

}  // namespace

TEST_CASE("expressions of metric filters: what they say about a data point") {
  struct {
    std::string_view text, outcome;
  } const rows[] = {
      {R"(MetricName == "http.requests")", "true"},
      {R"(MetricName != 'http.requests')", "false"},
      {R"(MetricType == "ExponentialHistogram")", "true"},
      {R"(HasLabel("code") && HasLabel("n") and !HasLabel("m"))", "true"},
      {R"(Label("code") == "500")", "true"},
      {R"(Label("n") == "")", "true"},       // only text has a value
      {R"(Label("nope") == "")", "true"},
      {R"(MetricName matches "^http\\.")", "true"},
      {R"(MetricName matches `^http\.`)", "true"},
      {R"(MetricName not matches "^http")", "false"},
      {R"(MetricName contains "req" and MetricName startsWith "http" and MetricName endsWith "s")", "true"},
      {R"(Label("code") in ["200", "500"])", "true"},
      {R"(Label("code") not in ["200", "500"])", "false"},
      {R"(not (MetricName == "x") or false)", "true"},
      {R"(not MetricName == "x")", "error"},  // not binds tighter
      {R"(true or false and false)", "true"},
      {R"(1 + 2 * 3 == 7 && 7 % 4 == 3 && -1 < 1 && 2.5 >= 2)", "true"},
      {R"(len(MetricName) == 13)", "true"},
      {R"(upper("a") + lower("B") + trim(" c ") == "Abc")", "true"},
      {R"(MetricName == "x" ? false : true)", "true"},
      {R"("a" < "b")", "true"},
      {R"(1 == "1")", "false"},
      {R"(nil == nil)", "true"},
      {R"(MetricName > 1)", "error"},
      {R"(MetricName)", "error"},
      {R"(HasLabel(1))", "error"},
      {R"(MetricName matches "(")", "config"},
      {R"(Nosuch == 1)", "config"},
      {R"(HasLabel("a", "b"))", "config"},
      {R"(MetricName ==)", "config"},
      {R"("open)", "config"},
      {R"(a; b)", "config"},
      {"", "config"},
  };
  for (auto& row : rows) {
    CAPTURE(row.text);
    CHECK(outcome(row.text) == row.outcome);
  }
}

TEST_CASE("expressions of metric filters: depth and size are bounded") {
  CHECK(outcome(std::string(5000, '(') + "true") == "config");
  CHECK(outcome(std::string(70'000, ' ') + "true") == "config");
  CHECK(outcome(std::string(5000, '!') + "true") == "config");
  CHECK(outcome(std::string(5000, '[')) == "config");
  std::string choices;
  for (int i = 0; i < 5000; ++i) choices += "true ? ";
  CHECK(outcome(choices) == "config");
}
