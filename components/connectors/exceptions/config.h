#pragma once
#include "config/field.h"

namespace weir::connectors::exceptions {

struct Dimension {
  std::string name;
  std::optional<std::string> default_value;
  static std::span<const config::FieldInfo> fields();
};

struct Exemplars {
  bool enabled = false;
  static std::span<const config::FieldInfo> fields();
};

struct Config {
  std::vector<Dimension> dimensions{{"exception.type", {}}, {"exception.message", {}}};
  Exemplars exemplars;
  std::uint64_t max_series = 10'000;
  static std::span<const config::FieldInfo> fields();
};

}  // namespace weir::connectors::exceptions
