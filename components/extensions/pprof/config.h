#pragma once
#include "components/shared/net_config/server.h"

namespace weir::extensions::pprof {

struct Config {
  std::string endpoint = "localhost:1777";
  std::string save_to_file;

  static std::span<const config::FieldInfo> fields();
};

}  // namespace weir::extensions::pprof
