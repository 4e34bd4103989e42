#pragma once
#include "components/shared/attraction/action.h"
#include "components/shared/matching/properties.h"

namespace weir::processors::attributes {

struct Config {
  std::vector<attraction::Action> actions;
  std::optional<matching::Properties> include, exclude;

  static std::span<const config::FieldInfo> fields();
};

}  // namespace weir::processors::attributes
