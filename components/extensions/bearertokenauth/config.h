#pragma once
#include "config/field.h"

namespace weir::extensions::bearertokenauth {

struct Config {
  std::string header = "Authorization";
  std::string scheme = "Bearer";
  config::Secret token;
  std::vector<config::Secret> tokens;
  std::string filename;

  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

}  // namespace weir::extensions::bearertokenauth
