#pragma once
// Keeps the process below its memory limit: what is held decides who is let in, what is resident decides how much may be held.
#include <atomic>
#include <mutex>
#include <string>

#include "base/budget.h"
#include "engine/plan.h"
#include "io/team.h"
#include "telemetry/metrics.h"

namespace weir::app {

// From so many resident bytes on data is refused when no memory_limiter says so, and why so many.
struct MemoryLimit {
  std::size_t bytes;
  std::string origin;  // "three quarters of the cgroup's 512 MiB"
};
MemoryLimit default_memory_limit();
// What a configuration asks for, or the default.
MemoryLimit memory_limit_of(const engine::PlanSpec& spec);
std::string to_string(const MemoryLimit& limit);

// How much of `limit` requests may hold: what is resident and not theirs is not there for them. Never nothing: memory that is not
// theirs must not keep senders out for good.
std::size_t budget_of(std::size_t limit, std::size_t resident, std::size_t held);

// Safe to use from every core.
class MemoryWatch {
 public:
  MemoryWatch(Budget& budget, telemetry::Registry& registry);

  // Whose threads' heaps there are. Before the first check().
  void watch(io::Team& team, std::size_t cores) { team_ = &team, cores_ = cores; }
  // For a new configuration: the default until somebody asks for less.
  void reset();
  // The least counts.
  void limit(std::size_t bytes);
  std::size_t limit() const { return limit_.load(std::memory_order_relaxed); }

  // Looks at the process and sets the budget. Cheap enough for a few hundred times a second.
  void check();
  // More is resident than the limit allows, and requests may hold less.
  bool is_short() const { return short_.load(std::memory_order_relaxed); }

 private:
  void set_limit(std::size_t bytes);
  bool may_give_back(bool urgent);
  void give_back();
  void tell(bool is_short, std::size_t resident, std::size_t held);
  int kept_by_allocator() const;

  Budget& budget_;
  io::Team* team_ = nullptr;
  std::size_t cores_ = 1;
  std::mutex mutex_;  // of set_limit() and reset()
  std::atomic<std::size_t> limit_{0};
  std::mutex giving_back_;  // one thread at a time
  TimePoint next_{};        // when memory is given back again; under giving_back_
  Duration pause_{};
  std::atomic<bool> short_{false};
  telemetry::Gauge& short_gauge_;
  telemetry::Counter& given_back_;
};

}  // namespace weir::app
