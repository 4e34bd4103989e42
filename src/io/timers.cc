#include "io/timers.h"

namespace weir::io {

TimerId Timers::add(TimePoint when, Task task) {
  std::uint32_t slot;
  if (free_.empty()) {
    slot = static_cast<std::uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  slots_[slot].task = std::move(task);
  heap_.push_back({when, ++order_, slot});
  sift_up(heap_.size() - 1);
  return (TimerId{slots_[slot].generation} << 32) | slot;
}

bool Timers::cancel(TimerId timer) {
  auto slot = static_cast<std::uint32_t>(timer);
  if (slot >= slots_.size() || slots_[slot].generation != timer >> 32) return false;
  // The task's captures may own anything, this object's user included: let them go last.
  Task gone = take(slots_[slot].position);
  return true;
}

std::size_t Timers::run(TimePoint now) {
  std::size_t ran = 0;
  while (!heap_.empty() && heap_.front().when <= now) {
    Task task = take(0);
    task();
    ++ran;
  }
  return ran;
}

// Frees the slot; the generation makes old ids of it invalid. 0 is skipped so that no id is ever 0.
Task Timers::take(std::size_t position) {
  std::uint32_t slot = heap_[position].slot;
  Task task = std::move(slots_[slot].task);
  slots_[slot].task = nullptr;
  if (++slots_[slot].generation == 0) slots_[slot].generation = 1;
  free_.push_back(slot);
  Entry last = heap_.back();
  heap_.pop_back();
  if (position < heap_.size()) {
    place(position, last);
    sift_up(position);
    sift_down(slots_[last.slot].position);
  }
  return task;
}

void Timers::place(std::size_t position, const Entry& entry) {
  heap_[position] = entry;
  slots_[entry.slot].position = static_cast<std::uint32_t>(position);
}

void Timers::sift_up(std::size_t position) {
  Entry entry = heap_[position];
  while (position > 0) {
    std::size_t parent = (position - 1) / 4;
    if (!(entry < heap_[parent])) break;
    place(position, heap_[parent]);
    position = parent;
  }
  place(position, entry);
}

void Timers::sift_down(std::size_t position) {
  Entry entry = heap_[position];
  for (;;) {
    std::size_t first = position * 4 + 1;
    if (first >= heap_.size()) break;
    std::size_t least = first;
    for (std::size_t child = first + 1; child < std::min(first + 4, heap_.size()); ++child)
      if (heap_[child] < heap_[least]) least = child;
    if (!(heap_[least] < entry)) break;
    place(position, heap_[least]);
    position = least;
  }
  place(position, entry);
}

}  // namespace weir::io
