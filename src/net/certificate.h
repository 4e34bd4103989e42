#pragma once
// What an own certificate says about its time.
#include <string>

#include "net/tls.h"

namespace weir::net {

// Words for a certificate that is not valid now; empty when all is well, or it cannot be read.
std::string certificate_warning(const TlsSettings& settings);

}  // namespace weir::net
