#pragma once
#include "components/shared/matching/properties.h"

namespace weir::processors::span {

struct ToAttributes {
  std::vector<std::string> rules;
  bool break_after_match = false, keep_original_name = false;
  static std::span<const config::FieldInfo> fields();
};

struct Name {
  std::vector<std::string> from_attributes;
  std::string separator;
  std::optional<ToAttributes> to_attributes;
  static std::span<const config::FieldInfo> fields();
};

struct Status {
  std::string code, description;
  static std::span<const config::FieldInfo> fields();
};

struct Config {
  std::optional<matching::Properties> include, exclude;
  Name name;
  std::optional<Status> status;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

}  // namespace weir::processors::span
