#pragma once
#include "config/field.h"

namespace weir::processors::metricsgeneration {

enum class RuleType : std::uint8_t { none, calculate, scale };
enum class Operation : std::uint8_t { none, add, subtract, multiply, divide, percent };
std::span<const config::Choice> choices_of(RuleType);
std::span<const config::Choice> choices_of(Operation);

struct Rule {
  std::string name, unit;
  RuleType type = RuleType::none;
  std::string metric1, metric2;
  Operation operation = Operation::none;
  double scale_by = 0;

  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

struct Config {
  std::vector<Rule> rules;
  static std::span<const config::FieldInfo> fields();
};

}  // namespace weir::processors::metricsgeneration
