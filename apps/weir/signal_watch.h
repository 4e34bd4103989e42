#pragma once
#include "io/loop.h"

namespace weir::app {

// Ends the loop at SIGTERM and SIGINT.
class SignalWatch final : public io::FdHandler {
 public:
  explicit SignalWatch(io::Loop& loop);
  ~SignalWatch();
  void on_ready(std::uint32_t) override { loop_.stop(); }

 private:
  io::Loop& loop_;
  int fd_ = -1;
  io::WatchId watch_ = 0;
};

}  // namespace weir::app
