#pragma once
#include "config/field.h"

namespace weir::extensions::basicauth {

struct Htpasswd {
  std::string file;
  config::Secret inline_text;
  static std::span<const config::FieldInfo> fields();
};

struct ClientAuth {
  std::string username, username_file;
  config::Secret password;
  std::string password_file;
  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

struct Config {
  std::optional<Htpasswd> htpasswd;
  std::optional<ClientAuth> client_auth;

  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

}  // namespace weir::extensions::basicauth
