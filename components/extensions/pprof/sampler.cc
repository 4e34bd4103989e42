#include "components/extensions/pprof/sampler.h"

#include <execinfo.h>
#include <signal.h>
#include <sys/time.h>

#include <atomic>
#include <cerrno>

namespace weir::extensions::pprof {
namespace {

constexpr int max_depth = 64;
// The handler itself and the kernel's return from it.
constexpr int own_frames = 2;

struct Slot {
  enum State : int { empty, writing, full };
  std::atomic<int> state{empty};
  int depth = 0;
  std::array<void*, max_depth> frames;
};

// Written by the signal handler on whatever thread, read by the core that drains. Global because a handler knows nothing else.
std::array<Slot, 256> slots;
std::atomic<std::uint64_t> next_slot{0}, lost_stacks{0};
std::atomic<bool> taken{false};

// Only what a handler may do: no locks, no memory. backtrace() is safe here because start() has called it before, which
// loads what it needs, and because looking up unwind tables takes no lock (_dl_find_object).
void on_profile_signal(int) {
  int saved = errno;
  Slot& slot = slots[next_slot.fetch_add(1, std::memory_order_relaxed) % slots.size()];
  int expected = Slot::empty;
  if (slot.state.compare_exchange_strong(expected, Slot::writing, std::memory_order_acquire)) {
    slot.depth = backtrace(slot.frames.data(), max_depth);
    slot.state.store(Slot::full, std::memory_order_release);
  } else {
    lost_stacks.fetch_add(1, std::memory_order_relaxed);
  }
  errno = saved;
}

void set_timer(std::chrono::microseconds interval) {
  itimerval value{};
  value.it_interval.tv_usec = interval.count();
  value.it_value = value.it_interval;
  ::setitimer(ITIMER_PROF, &value, nullptr);
}

}  // namespace

Result<> Sampler::start() {
  if (taken.exchange(true)) return fail(Errc::refused, "the CPU is being profiled already");
  running_ = true;
  std::array<void*, 4> warm_up;
  backtrace(warm_up.data(), static_cast<int>(warm_up.size()));
  for (Slot& slot : slots) slot.state = Slot::empty;
  lost_stacks = 0;
  struct sigaction action {};
  action.sa_handler = on_profile_signal;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGPROF, &action, nullptr);
  set_timer(period);
  return {};
}

void Sampler::drain(Stacks& into) {
  for (Slot& slot : slots) {
    if (slot.state.load(std::memory_order_acquire) != Slot::full) continue;
    std::vector<std::uintptr_t> stack;
    // Callers are known by where they go on; a byte before that is in the call.
    for (int i = own_frames; i < slot.depth; ++i)
      stack.push_back(reinterpret_cast<std::uintptr_t>(slot.frames[static_cast<std::size_t>(i)]) - (i > own_frames ? 1 : 0));
    slot.state.store(Slot::empty, std::memory_order_release);
    if (!stack.empty()) ++into[std::move(stack)];
  }
}

void Sampler::stop() {
  if (!std::exchange(running_, false)) return;
  set_timer(std::chrono::microseconds{0});
  // The handler stays: a signal that is under way would end the process otherwise.
  taken = false;
}

std::uint64_t Sampler::lost() const { return lost_stacks.load(std::memory_order_relaxed); }

}  // namespace weir::extensions::pprof
