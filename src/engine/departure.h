#pragma once
// Operators and receivers that are in no plan any more, until they are destroyed.
#include "engine/shard.h"

namespace weir::engine {

// First receivers stop. Then held data is pushed in the order of the old plan: one wave over all cores for each operator, so that data
// which a core sent to another has arrived before the next wave. Then exporters finish. What is left at the deadline is dropped, counted
// and logged. Last, everything is destroyed. Owned by Engine, on the first core. Operators that stay, and other departures, run meanwhile.
class Departure {
 public:
  // Set by earlier departures: this one may drop data when they push nothing more, and be destroyed when they are gone.
  struct Turn {
    std::function<bool(const Departure&)> may_abandon, may_destroy;
  };
  // `ended` is the last call.
  Departure(Shards& shards, Gone gone, TimePoint deadline, Turn turn, io::Task ended);

  // `receivers_stopped`: they deliver nothing more.
  void begin(io::Task receivers_stopped);
  // Ends at `deadline` at the latest.
  void hurry(TimePoint deadline) { deadline_ = std::min(deadline_, deadline); }
  // The process ends: after the deadline, connections get only a short time to close.
  void hurry_to_the_end(TimePoint deadline);
  // It pushes nothing more.
  bool abandoned() const { return abandoned_; }

 private:
  // The result of one round over all cores.
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
