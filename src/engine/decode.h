#pragma once
// For Factory::decode and Factory::encode: a component's settings from its field rows and back.
#include "config/field.h"
#include "engine/component.h"

namespace weir::engine {

template <class T>
Factory::Config decode_config(const config::Value* value, config::Problems& problems) {
  std::optional<T> settings = config::decode<T>(value, problems);
  if (!settings) return nullptr;
  return std::make_shared<const T>(std::move(*settings));  // shared by the stages of all cores
}

// For a null value, the defaults, even of required settings.
template <class T>
config::Value encode_config(const void* settings) {
  if (settings == nullptr) return config::to_value(T{});
  return config::to_value(*static_cast<const T*>(settings));
}

}  // namespace weir::engine
