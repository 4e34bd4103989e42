#include "telemetry/instance.h"

#include <mutex>

#include "base/rng.h"
#include "base/text.h"

namespace weir::telemetry {
namespace {

std::string random_uuid() {
  Rng rng = Rng::from_system();
  std::uint64_t a = (rng.next() & ~0xF000ULL) | 0x4000, b = (rng.next() >> 2) | (2ULL << 62);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", a >> 32, a >> 16 & 0xFFFF, a & 0xFFFF, b >> 48, b & 0xFFFFFFFFFFFFULL);
}

struct Instance {
  std::mutex mutex;
  std::string id = random_uuid();
};
Instance& instance() {
  static Instance it;
  return it;
}

}  // namespace

std::string instance_id() {
  std::lock_guard lock(instance().mutex);
  return instance().id;
}

void set_instance_id(std::string id) {
  std::lock_guard lock(instance().mutex);
  instance().id = std::move(id);
}

}  // namespace weir::telemetry
