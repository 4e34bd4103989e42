#pragma once
#include "config/field.h"

namespace weir::net_config {

struct Auth {
  std::string authenticator;  // id of an extension
  static std::span<const config::FieldInfo> fields();
};

// A server asks for "server auth", a client for "client auth": whether there is such an extension is checked when the
// whole configuration has been read.
struct ServerAuth : Auth {
  static Result<ServerAuth> decode(const config::Value& value, config::Context& context);
};
struct ClientAuth : Auth {
  static Result<ClientAuth> decode(const config::Value& value, config::Context& context);
};

// The rows that TLS settings of both sides share.
std::vector<config::FieldInfo> tls_fields();

}  // namespace weir::net_config
