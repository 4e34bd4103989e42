#pragma once
// Prints each request to the log, to a stream or to files.
#include "components/exporters/debug/config.h"
#include "engine/out.h"

namespace weir::exporters::debug {

Result<std::unique_ptr<engine::Stage>> make_stage(const Config& config, const engine::StageContext& context);

// So many in each second, then each so-manieth.
class Sampler {
 public:
  Sampler(std::uint64_t initial, std::uint64_t thereafter) : initial_(initial), thereafter_(thereafter) {}
  bool take(TimePoint now) {
    if (now - begun_ >= 1s || seen_ == 0) {
      begun_ = now;
      seen_ = 0;
    }
    if (++seen_ <= initial_) return true;
    return thereafter_ != 0 && (seen_ - initial_) % thereafter_ == 0;
  }

 private:
  std::uint64_t initial_, thereafter_, seen_ = 0;
  TimePoint begun_{};
};

}  // namespace weir::exporters::debug
