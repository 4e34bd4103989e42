#pragma once
// How librdkafka's threads reach a core.
#include <mutex>

#include "io/executor.h"

namespace weir::kafka {

// Open for as long as the core's component lives. From any thread.
class Mailbox {
 public:
  explicit Mailbox(io::Executor& home) : home_(&home) {}
  // Tasks for a closed one are thrown away. False then.
  bool post(io::Task task) {
    std::lock_guard lock(mutex_);
    if (home_ == nullptr) return false;
    home_->post(std::move(task));
    return true;
  }
  void close() {
    std::lock_guard lock(mutex_);
    home_ = nullptr;
  }

 private:
  std::mutex mutex_;  // guards home_
  io::Executor* home_;  // null: closed
};

}  // namespace weir::kafka
