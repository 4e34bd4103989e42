#pragma once
#include "config/field.h"

namespace weir::processors::metricstransform {

enum class MatchType : std::uint8_t { strict, regexp };
enum class Action : std::uint8_t { none, update, insert, combine, group };
enum class Aggregation : std::uint8_t { none, sum, mean, min, max, count, median };
enum class SubmatchCase : std::uint8_t { none, lower, upper };
enum class OperationAction : std::uint8_t {
  none, add_label, update_label, delete_label_value, toggle_scalar_data_type, scale_value, aggregate_labels, aggregate_label_values
};
std::span<const config::Choice> choices_of(MatchType);
std::span<const config::Choice> choices_of(Action);
std::span<const config::Choice> choices_of(Aggregation);
std::span<const config::Choice> choices_of(SubmatchCase);
std::span<const config::Choice> choices_of(OperationAction);

struct ValueAction {
  std::string value, new_value;
  static std::span<const config::FieldInfo> fields();
};

struct Operation {
  OperationAction action = OperationAction::none;
  std::string label, new_label;
  std::optional<std::vector<std::string>> label_set;
  Aggregation aggregation_type = Aggregation::none;
  std::vector<std::string> aggregated_values;
  std::string new_value, label_value;
  std::vector<ValueAction> value_actions;
  double experimental_scale = 0;

  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

struct Transform {
  std::string include;
  MatchType match_type = MatchType::strict;
  std::map<std::string, std::string> experimental_match_labels;
  Action action = Action::none;
  std::string new_name;
  std::map<std::string, std::string> group_resource_labels;
  Aggregation aggregation_type = Aggregation::none;
  SubmatchCase submatch_case = SubmatchCase::none;
  std::vector<Operation> operations;

  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

struct Config {
  std::vector<Transform> transforms;
  static std::span<const config::FieldInfo> fields();
};

}  // namespace weir::processors::metricstransform
