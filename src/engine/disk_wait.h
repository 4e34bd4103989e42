#pragma once
// How much waits for the disk.
#include <atomic>

#include "engine/component.h"

namespace weir::engine {

// Bytes of batches, of the whole process, that stages have handed to the disk and that are not written yet. Whoever cuts a request into
// pieces waits with the next one while it is much. Any core.
struct DiskWait {
  std::atomic<std::size_t> bytes{0};

  static std::shared_ptr<DiskWait> of(Host& host) { return shared_state<DiskWait>(host, "bytes that wait for the disk"); }
};

// One batch's part of it, for as long as it exists.
class OnItsWay {
 public:
  OnItsWay() = default;
  OnItsWay(std::shared_ptr<DiskWait> all, std::size_t bytes) : all_(std::move(all)), bytes_(bytes) { all_->bytes.fetch_add(bytes, std::memory_order_relaxed); }
  OnItsWay(OnItsWay&&) = default;
  OnItsWay& operator=(OnItsWay&& other) noexcept {
    std::swap(all_, other.all_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~OnItsWay() {
    if (all_) all_->bytes.fetch_sub(bytes_, std::memory_order_relaxed);
  }

 private:
  std::shared_ptr<DiskWait> all_;  // shared by the process
  std::size_t bytes_ = 0;
};

}  // namespace weir::engine
