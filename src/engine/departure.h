#pragma once
// Operators and receivers that no plan has any more, on their way out.
#include "engine/shard.h"

namespace weir::engine {

// Receivers stop; what is held is pushed on in the order of the old plan, one wave over all cores for each operator, so that
// what a core sent to another is there before the next wave; exporters finish. What is left at the deadline is dropped,
// counted and logged. Then everything is destroyed. Owned by Engine, on the first core. Operators that go on, and other
// departures, run beside it.
class Departure {
 public:
  // What earlier departures allow: giving up what is left when they have pushed on what they held, going when they are gone.
  struct Turn {
    std::function<bool(const Departure&)> may_abandon, may_destroy;
  };
  // `ended` comes last.
  Departure(Shards& shards, Gone gone, TimePoint deadline, Turn turn, io::Task ended);

  // `receivers_stopped`: nothing comes from them any more.
  void begin(io::Task receivers_stopped);
  // Ends at `deadline`, if it would not have sooner.
  void hurry(TimePoint deadline) { deadline_ = std::min(deadline_, deadline); }
  // Everything else ends as well: nobody is waited for long after the deadline.
  void hurry_to_the_end(TimePoint deadline);
  bool drained() const { return drained_; }

 private:
  // What one round over all cores found.
  struct Report {
    std::atomic<bool> idle{true};
    std::atomic<std::size_t> open{0};
  };

  void drain_from(std::size_t i);
  void look();
  void judge(const Report& report);
  void look_later(Duration wait);
  void abandon();
  void tell_losses(const std::map<std::string, std::uint64_t>& before);
  void tell_what_is_waited_for();
  void destroy();
  std::map<std::string, std::uint64_t> dropped() const;

  Shards& shards_;
  const Gone gone_;
  TimePoint deadline_, next_line_, begun_at_;
  TimePoint hang_up_at_ = TimePoint::max();  // for receivers that do not come to an end, without open requests
  TimePoint forced_at_ = TimePoint::max();
  Turn turn_;
  io::Task ended_;
  io::Task then_;  // when receivers have stopped
  std::shared_ptr<bool> receivers_stopped_ = std::make_shared<bool>(false);  // shared with their callbacks
  bool exporters_told_ = false, draining_ = false, drained_ = false, abandoned_ = false;
};

}  // namespace weir::engine
