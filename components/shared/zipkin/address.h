#pragma once
// IP addresses of endpoints, written in one way.
#include "components/shared/trace_writer/trace_writer.h"

namespace weir::zipkin {

// The usual text of an address of 4 or 16 bytes; an IPv6 address that stands for one of IPv4 is written as that one. Empty for other sizes.
std::string write_address(std::string_view bytes);

// The usual text of an address that was written in some way; empty for the empty text. Errors: it is none.
Result<std::string_view> usual_address(std::string_view text, Scratch& scratch);

}  // namespace weir::zipkin
