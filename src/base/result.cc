#include "base/result.h"

namespace weir {

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::config: return "config";
    case Errc::invalid: return "invalid";
    case Errc::too_large: return "too_large";
    case Errc::refused: return "refused";
    case Errc::retryable: return "retryable";
    case Errc::permanent: return "permanent";
    case Errc::unauthenticated: return "unauthenticated";
    case Errc::unimplemented: return "unimplemented";
    case Errc::corrupt: return "corrupt";
    case Errc::internal: return "internal";
  }
  return "unknown";
}

void check_failed(const char* condition, const char* file, int line, const std::string& message) {
  fmt::print(stderr, "weir: internal error: {}:{}: {} {}\n", file, line, condition, message);
  std::abort();
}

}  // namespace weir
