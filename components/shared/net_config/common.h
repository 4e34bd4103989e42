#pragma once
#include "config/field.h"

namespace weir::net_config {

struct Auth {
  std::string authenticator;  // id of an extension
  static std::span<const config::FieldInfo> fields();
};

// The rows that TLS settings of both sides share.
std::vector<config::FieldInfo> tls_fields();

}  // namespace weir::net_config
