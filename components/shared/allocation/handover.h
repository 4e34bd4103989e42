#pragma once
// Who still scrapes a target that another collector has got, so that nobody's absence leaves a gap.
#include <map>
#include <string>

#include "base/time.h"

namespace weir::allocation {

// A target that moves stays in the list of its old collector until the new one has asked for its own list and had time for a
// scrape; at most for `patience`. One core.
class Handover {
 public:
  explicit Handover(Duration patience = 5min) : patience_(patience) {}

  void moved(std::uint64_t target, std::string from, std::string to, std::string job, TimePoint now);
  // `to` has been told its targets of the job; it scrapes each within `interval`.
  void told(const std::string& to, const std::string& job, Duration interval, TimePoint now);
  // Moves that are over are forgotten.
  void forget_old(TimePoint now);
  // Calls with each target of the job that `collector` is to keep for now.
  template <class F>
  void kept_by(const std::string& collector, const std::string& job, F&& f) const {
    for (auto& [target, move] : moves_)
      if (move.from == collector && move.job == job) f(target);
  }
  std::size_t size() const { return moves_.size(); }

 private:
  struct Move {
    std::string from, to, job;
    TimePoint until;
    bool told = false;
  };
  Duration patience_;
  std::map<std::uint64_t, Move> moves_;
};

}  // namespace weir::allocation
