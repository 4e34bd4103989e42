#pragma once
// Timers of one core: a heap by time, ids that can be cancelled.
#include "io/executor.h"

namespace weir::io {

// Timers with equal times run in the order in which they were added. Adding and cancelling cost O(log n).
class Timers {
 public:
  TimerId add(TimePoint when, Task task);
  // False when it has run, was cancelled, or never existed.
  bool cancel(TimerId timer);
  // Runs what is due at `now`, also what the tasks add for a time up to `now`. Returns how many ran.
  std::size_t run(TimePoint now);

  std::size_t size() const { return heap_.size(); }
  bool empty() const { return heap_.empty(); }
  TimePoint next() const { return heap_.front().when; }

 private:
  struct Entry {
    TimePoint when;
    std::uint64_t order;
    std::uint32_t slot;
    bool operator<(const Entry& o) const { return when != o.when ? when < o.when : order < o.order; }
  };
  struct Slot {
    Task task;
    std::uint32_t generation = 1;
    std::uint32_t position = 0;  // in heap_
  };
  void place(std::size_t position, const Entry& entry);
  void sift_up(std::size_t position);
  void sift_down(std::size_t position);
  Task take(std::size_t position);

  std::vector<Entry> heap_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::uint64_t order_ = 0;
};

}  // namespace weir::io
