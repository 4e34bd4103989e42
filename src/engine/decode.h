#pragma once
// For Factory::decode: a component's settings from its field rows.
#include "config/field.h"
#include "engine/component.h"

namespace weir::engine {

template <class T>
Factory::Config decode_config(const config::Value* value, config::Problems& problems) {
  std::optional<T> settings = config::decode<T>(value, problems);
  if (!settings) return nullptr;
  return std::make_shared<const T>(std::move(*settings));  // shared by the stages of all cores
}

}  // namespace weir::engine
