#pragma once
// What one core offers to the code that runs on it: time, "later" and "at". The real one is Loop (epoll); the
// simulation has one that runs many cores in one thread under a virtual clock.
#include <functional>

#include "base/time.h"

namespace weir::io {

struct CoreId {
  std::uint16_t value = 0;
  bool operator==(const CoreId&) const = default;
};

using Task = std::move_only_function<void()>;

// 0 is no timer.
using TimerId = std::uint64_t;

class Executor : public Clock {
 public:
  virtual CoreId id() const = 0;
  // Runs `task` on this core, later. The only call that is allowed from other cores.
  virtual void post(Task task) = 0;
  // Runs `task` on this core at or after `when`. From this core only.
  virtual TimerId at(TimePoint when, Task task) = 0;
  // No effect when it has run. From this core only.
  virtual void cancel(TimerId timer) = 0;
};

}  // namespace weir::io
