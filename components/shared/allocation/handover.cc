#include "components/shared/allocation/handover.h"

namespace weir::allocation {

void Handover::moved(std::uint64_t target, std::string from, std::string to, std::string job, TimePoint now) {
  moves_.erase(target);
  if (from.empty() || to.empty() || from == to) return;
  moves_[target] = {std::move(from), std::move(to), std::move(job), now + patience_};
}

void Handover::told(const std::string& to, const std::string& job, Duration interval, TimePoint now) {
  for (auto& [target, move] : moves_) {
    if (move.to != to || move.job != job || move.told) continue;
    move.told = true;
    move.until = std::min(move.until, now + interval);
  }
}

void Handover::forget_old(TimePoint now) {
  std::erase_if(moves_, [&](auto& entry) { return entry.second.until <= now; });
}

}  // namespace weir::allocation
