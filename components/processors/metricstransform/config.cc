#include "components/processors/metricstransform/config.h"

#include "base/regex.h"
#include "components/processors/metricstransform/metricstransform.h"
#include "engine/decode.h"

namespace weir::processors::metricstransform {

using config::Choice;
using config::field;

std::span<const Choice> choices_of(MatchType) {
  static constexpr std::array choices{Choice("strict", MatchType::strict), Choice("regexp", MatchType::regexp)};
  return choices;
}
std::span<const Choice> choices_of(Action) {
  static constexpr std::array choices{Choice("update", Action::update), Choice("insert", Action::insert), Choice("combine", Action::combine),
                                      Choice("group", Action::group)};
  return choices;
}
std::span<const Choice> choices_of(Aggregation) {
  static constexpr std::array choices{Choice("sum", Aggregation::sum), Choice("mean", Aggregation::mean), Choice("min", Aggregation::min),
                                      Choice("max", Aggregation::max), Choice("count", Aggregation::count), Choice("median", Aggregation::median)};
  return choices;
}
std::span<const Choice> choices_of(SubmatchCase) {
  static constexpr std::array choices{Choice("lower", SubmatchCase::lower), Choice("upper", SubmatchCase::upper)};
  return choices;
}
std::span<const Choice> choices_of(OperationAction) {
  using enum OperationAction;
  static constexpr std::array choices{Choice("add_label", add_label),
                                      Choice("update_label", update_label),
                                      Choice("delete_label_value", delete_label_value),
                                      Choice("toggle_scalar_data_type", toggle_scalar_data_type),
                                      Choice("experimental_scale_value", scale_value),
                                      Choice("aggregate_labels", aggregate_labels),
                                      Choice("aggregate_label_values", aggregate_label_values)};
  return choices;
}

std::span<const config::FieldInfo> ValueAction::fields() {
  static const std::array rows{
      field<&ValueAction::value>("value", "A value of the label."),
      field<&ValueAction::new_value>("new_value", "What takes its place."),
  };
  return rows;
}

std::span<const config::FieldInfo> Operation::fields() {
  static const std::array rows{
      field<&Operation::action>("action", "What is done to the data points.", {.required = true}),
      field<&Operation::label>("label", "update_label, delete_label_value, aggregate_label_values: the label."),
      field<&Operation::new_label>("new_label", "add_label, update_label: its (new) name."),
      field<&Operation::label_set>("label_set", "aggregate_labels: labels that stay."),
      field<&Operation::aggregation_type>("aggregation_type", "How points that become one are joined."),
      field<&Operation::aggregated_values>("aggregated_values", "aggregate_label_values: values that become new_value."),
      field<&Operation::new_value>("new_value", "add_label, aggregate_label_values: the value."),
      field<&Operation::label_value>("label_value", "delete_label_value: points with this value go."),
      field<&Operation::value_actions>("value_actions", "update_label: values to replace."),
      field<&Operation::experimental_scale>("experimental_scale", "experimental_scale_value: what values are multiplied with."),
  };
  return rows;
}

Result<> Operation::validate() const {
  auto missing = [](std::string_view name) { return fail(Errc::config, "missing required field \"{}\" for this action", name); };
  if (action == OperationAction::update_label && label.empty()) return missing("label");
  if (action == OperationAction::add_label && new_label.empty()) return missing("new_label");
  if (action == OperationAction::add_label && new_value.empty()) return missing("new_value");
  if (action == OperationAction::scale_value && experimental_scale == 0) return missing("experimental_scale");
  return {};
}

std::span<const config::FieldInfo> Transform::fields() {
  static const std::array rows{
      field<&Transform::include>("include", "Name of the metrics, or a regular expression found in it.", {.required = true}),
      field<&Transform::match_type>("match_type", "How include and experimental_match_labels are compared."),
      field<&Transform::experimental_match_labels>("experimental_match_labels", "Only points with these labels; an empty value is for points without the label."),
      field<&Transform::action>("action", "update: in place; insert: a changed copy; combine: one metric of all; group: under a resource of their own.", {.required = true}),
      field<&Transform::new_name>("new_name", "With regexp, ${1} or ${name} are parts of the old one."),
      field<&Transform::group_resource_labels>("group_resource_labels", "group: attributes added to the resource."),
      field<&Transform::aggregation_type>("aggregation_type", "combine: how points with equal labels are joined."),
      field<&Transform::submatch_case>("submatch_case", "combine: case of label values that come from the name."),
      field<&Transform::operations>("operations", "Changes to the data points, in order."),
  };
  return rows;
}

Result<> Transform::validate() const {
  auto missing = [](std::string_view name) { return fail(Errc::config, "missing required field \"{}\" for this action", name); };
  if (action == Action::insert && new_name.empty()) return missing("new_name");
  if (action == Action::combine && new_name.empty()) return missing("new_name");
  if (action == Action::combine && aggregation_type == Aggregation::none) return missing("aggregation_type");
  if (action == Action::group && group_resource_labels.empty()) return missing("group_resource_labels");
  if (match_type != MatchType::regexp) return {};
  WEIR_TRY(Regex::compile(include));
  for (auto& [label, value] : experimental_match_labels) WEIR_TRY(Regex::compile(value));
  return {};
}

std::span<const config::FieldInfo> Config::fields() {
  static const std::array rows{field<&Config::transforms>("transforms", "Worked through in order, each sees what the one before has made.")};
  return rows;
}

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "metricstransform",
          .aliases = {"metrics_transform"},
          .summary = "Renames metrics and labels, joins points, scales values.",
          .signals = {otlp::Signal::metrics},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .edits_resource = true,  // action group
          .make_stage = [](const void* config, engine::StageContext&) { return make(*static_cast<const Config*>(config)); }};
}

}  // namespace weir::processors::metricstransform
