#pragma once
// What requests carry to be let in.
#include "components/shared/scrape/config/http_config.h"

namespace weir::scrape {

// A small text file without white space around it, as secrets are mounted. Errc::retryable when it cannot be read.
Result<std::string> read_secret_file(const std::string& path);

// Adds what needs no other request: basic_auth, authorization, bearer tokens. Files are read each time.
Result<> add_credentials(const HttpConfig& config, net::HeaderList& headers);
// http_headers. `other_host`: without those that may hold credentials.
Result<> add_headers(const HttpConfig& config, bool other_host, net::HeaderList& headers);

// True when `host` is `original` or below it: a redirect to there still gets the credentials.
bool is_same_site(std::string_view host, std::string_view original);

}  // namespace weir::scrape
