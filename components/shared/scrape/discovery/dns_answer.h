#pragma once
// Records of a DNS answer.
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::scrape {

struct DnsRecord {
  enum class Kind : std::uint8_t { address, srv, mx, ns };
  Kind kind = Kind::address;
  std::string value;  // an address, or a name that ends with '.'
  std::uint16_t port = 0;
};

// Of the types that dns_sd knows; others are left out. An empty message has none.
Result<std::vector<DnsRecord>> read_dns_answer(std::string_view message);

}  // namespace weir::scrape
