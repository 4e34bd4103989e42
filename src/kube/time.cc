#include "kube/time.h"

#include <ctime>
#include <string>

namespace weir::kube {

UnixNanos parse_time(std::string_view rfc3339) {
  std::tm parts{};
  std::string copy(rfc3339);
  const char* rest = ::strptime(copy.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) return 0;
  std::uint64_t nanos = 0, unit = 100'000'000;
  if (*rest == '.')
    for (++rest; *rest >= '0' && *rest <= '9'; ++rest, unit /= 10) nanos += static_cast<std::uint64_t>(*rest - '0') * unit;
  std::int64_t seconds = ::timegm(&parts);
  return seconds < 0 ? 0 : static_cast<UnixNanos>(seconds) * 1'000'000'000 + nanos;
}

}  // namespace weir::kube
