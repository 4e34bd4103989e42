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

// The core whose task is running on this thread; not a core's id when none is.
CoreId current_core();
inline constexpr CoreId no_core{0xFFFF};

// Set around every task by whoever runs tasks of a core.
class CoreScope {
 public:
  explicit CoreScope(CoreId core);
  ~CoreScope();

 private:
  CoreId before_;
};

class Executor : public Clock {
 public:
  virtual CoreId id() const = 0;
  // Runs `task` on this core, later, after what was posted before it: also by others, if that led to this call. The only
  // call that is allowed from other cores.
  virtual void post(Task task) = 0;
  // Runs `task` on this core at or after `when`. From this core only.
  virtual TimerId at(TimePoint when, Task task) = 0;
  // No effect when it has run. From this core only.
  virtual void cancel(TimerId timer) = 0;
};

}  // namespace weir::io
