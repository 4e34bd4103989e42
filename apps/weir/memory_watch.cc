#include "weir/memory_watch.h"

#include <malloc.h>

#include <algorithm>

#include "base/log.h"
#include "base/memory.h"

namespace weir::app {
namespace {

constexpr std::size_t mib = 1024 * 1024;

// What requests hold is charged; code, stacks, connections, series and what the allocator wastes are not.
constexpr double held_share = 0.6;
// What requests may hold at least, whatever else is resident.
constexpr double least_share = 0.1;
// From here on freed memory goes back to the system.
constexpr double give_back_from = 0.8;
// The same when requests hold less than the first and more than the second is resident.
constexpr double idle_share = 0.03, idle_resident = 0.25;

// Between two times that memory is given back, which walks through the whole heap: 1 ms for each 50 MiB in small pieces. Doubled when
// it brought next to nothing.
constexpr Duration shortest_pause = 200ms, longest_pause = 5s;

// Without a cgroup the machine is not weir's alone.
constexpr std::size_t most_of_machine = 2048 * mib;

std::size_t part(std::size_t bytes, double share) { return static_cast<std::size_t>(static_cast<double>(bytes) * share); }

}  // namespace

MemoryLimit default_memory_limit() {
  if (std::size_t allowed = memory_limit(); allowed != 0) return {allowed / 4 * 3, fmt::format("three quarters of the {} MiB that the process may have", allowed / mib)};
  std::size_t all = total_memory(), eighth = all / 8;
  if (eighth > most_of_machine) return {most_of_machine, fmt::format("the most that is taken of a machine, which has {} MiB", all / mib)};
  return {eighth, fmt::format("an eighth of the machine's {} MiB", all / mib)};
}

MemoryLimit memory_limit_of(const engine::PlanSpec& spec) {
  std::optional<MemoryLimit> least;
  for (const engine::ComponentSpec& processor : spec.processors) {
    auto uses = [&](const engine::PipelineSpec& pipeline) { return std::ranges::count(pipeline.processors, processor.id) > 0; };
    if (processor.factory->memory_limit == nullptr || std::ranges::none_of(spec.pipelines, uses)) continue;
    std::size_t bytes = processor.factory->memory_limit(processor.config.get());
    if (!least || bytes < least->bytes) least = MemoryLimit{bytes, processor.id.to_string()};
  }
  MemoryLimit standard = default_memory_limit();
  return least && least->bytes < standard.bytes ? *least : standard;
}

std::string to_string(const MemoryLimit& limit) {
  return fmt::format("data is refused from {} MiB of memory on ({}), of which requests may hold {} MiB", limit.bytes / mib, limit.origin,
                     part(limit.bytes, held_share) / mib);
}

std::size_t budget_of(std::size_t limit, std::size_t resident, std::size_t held) {
  std::size_t others = resident - std::min(resident, held);
  return std::clamp(limit - std::min(limit, others), part(limit, least_share), part(limit, held_share));
}

MemoryWatch::MemoryWatch(Budget& budget, telemetry::Registry& registry)
    : budget_(budget),
      short_gauge_(registry.gauge("weir_memory_short", "1 while more is resident than the limit allows, and requests may hold less.", {})),
      given_back_(registry.counter("weir_memory_given_back_bytes", "Freed memory that was given back to the system because memory was short.", {})) {
  short_gauge_.set(0);
  reset();
}

void MemoryWatch::reset() {
  std::lock_guard lock(mutex_);
  set_limit(default_memory_limit().bytes);
}

void MemoryWatch::limit(std::size_t bytes) {
  std::lock_guard lock(mutex_);
  set_limit(std::min(limit_.load(), bytes));
}

void MemoryWatch::set_limit(std::size_t bytes) {
  limit_ = bytes;
  budget_.set_limit(part(bytes, held_share));
  mallopt(M_TRIM_THRESHOLD, kept_by_allocator());
}

// Of each core's heap, as long as memory is not short: pages that are given back and taken again cost a fault each.
int MemoryWatch::kept_by_allocator() const {
  std::size_t share = limit() / 8 / std::max<std::size_t>(cores_, 1);
  return static_cast<int>(std::clamp<std::size_t>(share, mib, 64 * mib));
}

void MemoryWatch::check() {
  std::size_t most = limit(), resident = resident_memory();
  bool urgent = resident > most;
  // After a peak, when nothing is in the way.
  bool idle = budget_.used() < part(most, idle_share) && resident > part(most, idle_resident);
  if ((resident > part(most, give_back_from) || idle) && may_give_back(urgent)) {
    give_back();
    std::size_t after = resident_memory(), freed = resident - std::min(resident, after);
    given_back_.add(freed);
    pause_ = freed > most / 64 ? shortest_pause : std::clamp(pause_ * 2, shortest_pause, longest_pause);
    next_ = system_clock().now() + pause_;
    resident = after;
    giving_back_.unlock();
  }
  std::size_t held = budget_.used();
  budget_.set_limit(budget_of(most, resident, held));
  // Not at every breath around the limit.
  bool was = short_.load(std::memory_order_relaxed);
  bool is_short = was ? resident > part(most, 0.95) : resident > most;
  if (is_short != was && short_.compare_exchange_strong(was, is_short)) tell(is_short, resident, held);
}

// True: giving_back_ is locked.
bool MemoryWatch::may_give_back(bool urgent) {
  if (!giving_back_.try_lock()) return false;
  TimePoint when = urgent ? std::min(next_, next_ - pause_ + shortest_pause) : next_;
  if (system_clock().now() >= when) return true;
  giving_back_.unlock();
  return false;
}

// What was freed goes back to the system: between what is in use, and at the end of each core's heap, which the allocator
// looks at only when its core frees something large.
void MemoryWatch::give_back() {
  malloc_trim(0);
  auto trim_own_heap = [this] {
    constexpr int little = 128 * 1024;
    mallopt(M_TRIM_THRESHOLD, little);
    void* volatile large = std::malloc(little);  // else the compiler leaves out both
    std::free(large);
    mallopt(M_TRIM_THRESHOLD, kept_by_allocator());
  };
  trim_own_heap();
  if (team_ != nullptr) team_->each_thread(trim_own_heap);
}

void MemoryWatch::tell(bool is_short, std::size_t resident, std::size_t held) {
  short_gauge_.set(is_short ? 1 : 0);
  log::Fields fields = {{"resident_mib", resident / mib}, {"limit_mib", limit() / mib}, {"held_mib", held / mib}, {"may_hold_mib", budget_.limit() / mib}};
  if (is_short)
    log::warn("Memory is short: less data is let in", fields);
  else
    log::info("Memory is no longer short", fields);
}

}  // namespace weir::app
