#pragma once
// A URI taken apart as the Go collector's uri_parser does it.
#include "components/shared/stanza/value.h"
#include "base/result.h"

namespace weir::stanza {

// scheme, user, host, port, path and query (a map of lists), each where there is one. A text that begins with ? is a query alone.
Result<Value> parse_uri(std::string_view text, Arena& arena);

}  // namespace weir::stanza
