#pragma once
// error_mode as a setting.
#include "config/field.h"
#include "ottl/ottl.h"

namespace weir::ottl {

inline std::span<const config::Choice> choices_of(ErrorMode) {
  static constexpr std::array choices{config::Choice("ignore", ErrorMode::ignore), config::Choice("silent", ErrorMode::silent),
                                      config::Choice("propagate", ErrorMode::propagate)};
  return choices;
}

}  // namespace weir::ottl
