#pragma once
// A certificate authority of our own, and a certificate that it signed.
#include <string>

#include "base/time.h"

namespace weir::app {

struct Certificates {
  std::string ca_pem, ca_key_pem;
  std::string cert_pem, key_pem;
};

// `names` as OpenSSL writes them: "DNS:a,IP:127.0.0.1". A new authority each time: the API server is told of it anyway.
Result<Certificates> make_certificates(const std::string& names, Duration valid);
// Until when the certificate holds; 0 when it cannot be read.
UnixNanos valid_until(const std::string& cert_pem);

}  // namespace weir::app
