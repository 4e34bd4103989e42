#pragma once
// Many cores in one thread under a virtual clock: which core runs next is drawn from a seed, so that each seed is one
// interleaving that can be run again.
#include <deque>
#include <map>
#include <vector>

#include "base/rng.h"
#include "io/workers.h"

namespace weir::io {

class Simulation {
 public:
  Simulation(std::size_t cores, std::uint64_t seed);
  ~Simulation();

  std::vector<Executor*> executors();
  Executor& core(std::size_t i);
  Rng& rng() { return rng_; }
  ManualClock& clock() { return clock_; }
  // Lets the wall clock move by `step` whenever a core reads it, as real ones do: two readings are two instants.
  void move_when_read(Duration step) { step_ = step; }

  // Runs what is due, without moving the clock. Returns the number of tasks.
  std::size_t run_ready();
  // Runs until `done` holds or nothing is left to do before `limit` of virtual time has passed. True when `done` holds.
  bool run_until(const std::function<bool()>& done, Duration limit);
  // Lets `d` of virtual time pass.
  void advance(Duration d);
  // A pool whose jobs take a drawn part of `slowest` of virtual time each, so that they finish in any order. Submit from
  // the core that is told.
  std::unique_ptr<Workers> workers(Duration slowest = std::chrono::milliseconds(5));
  // Virtual time so far.
  Duration elapsed() const { return clock_.now().time_since_epoch(); }

 private:
  class Core;
  class Pool;
  bool step();
  TimePoint next_timer() const;

  UnixNanos read_wall() {
    clock_.jump_wall(step_);
    return clock_.wall();
  }

  ManualClock clock_;
  Duration step_{0};
  Rng rng_;
  std::vector<std::unique_ptr<Core>> cores_;
};

}  // namespace weir::io
