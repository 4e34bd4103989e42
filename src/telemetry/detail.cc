#include "telemetry/detail.h"

#include <atomic>
#include <cctype>

namespace weir::telemetry {

static std::atomic<bool> wanted{false};

void set_detailed(bool detailed) { wanted.store(detailed, std::memory_order_relaxed); }
bool detailed() { return wanted.load(std::memory_order_relaxed); }

std::string upper_snake(std::string_view camel) {
  std::string out;
  for (std::size_t i = 0; i < camel.size(); ++i) {
    bool begins_word = i > 0 && std::isupper(static_cast<unsigned char>(camel[i])) && std::islower(static_cast<unsigned char>(camel[i - 1]));
    if (begins_word) out += '_';
    out += static_cast<char>(std::toupper(static_cast<unsigned char>(camel[i])));
  }
  return out;
}

}  // namespace weir::telemetry
