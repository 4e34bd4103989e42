#pragma once
#include "components/shared/attraction/action.h"

namespace weir::processors::resource {

struct Config {
  std::vector<attraction::Action> attributes;

  static std::span<const config::FieldInfo> fields();
};

}  // namespace weir::processors::resource
