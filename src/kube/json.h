#pragma once
// JSON documents as trees that can be changed.
#include "config/value.h"

namespace weir::kube {

// Errc::invalid for what is not JSON. At most 100 levels deep.
Result<config::Value> parse_json(std::string_view text);

// The operations (RFC 6902) that make `after` of `before`; lists that differ are replaced as a whole.
config::Value json_patch(const config::Value& before, const config::Value& after);

}  // namespace weir::kube
