#pragma once
// A URL taken apart as Go's net/url does it.
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir::ottl {

struct Url {
  static Result<Url> parse(std::string_view text);

  std::string scheme, host, port, path, query, fragment;  // path, host and fragment are unescaped
  std::string user, password;
  bool has_user = false, has_password = false;

  // Written anew, with everything escaped that needs it.
  std::string text() const;
  std::string user_info() const;

 private:
  std::string raw_path_, raw_authority_, opaque_;
  bool has_authority_ = false, empty_query_ = false;
};

}  // namespace weir::ottl
