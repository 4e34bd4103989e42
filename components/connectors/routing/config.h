#pragma once
#include "components/shared/ottl_settings/error_mode.h"

namespace weir::connectors::routing {

enum class Action : std::uint8_t { move, copy };
inline std::span<const config::Choice> choices_of(Action) {
  static constexpr std::array choices{config::Choice("move", Action::move), config::Choice("copy", Action::copy)};
  return choices;
}

struct Route {
  std::string context;  // "" = told by the paths, otherwise resource
  std::string statement, condition;
  std::vector<std::string> pipelines;
  Action action = Action::move;

  static std::span<const config::FieldInfo> fields();
};

struct Config {
  std::vector<std::string> default_pipelines;
  ottl::ErrorMode error_mode =
      gates::enabled("connector.routing.defaultErrorModeIgnore") ? ottl::ErrorMode::ignore : ottl::ErrorMode::propagate;
  std::vector<Route> table;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

}  // namespace weir::connectors::routing
