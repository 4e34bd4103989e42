#include "components/connectors/spanmetrics/meeting.h"

namespace weir::connectors::spanmetrics {

TimePoint Meeting::join(std::uint16_t core, std::uint16_t cores, TimePoint now) {
  std::lock_guard lock(mutex_);
  cores_.resize(cores, Presence::absent);
  cores_[core] = Presence::absent;
  if (!epoch_) epoch_ = now;
  return *epoch_;
}

std::vector<otlp::Batch> Meeting::bring(std::uint16_t core, std::vector<otlp::Batch> flushed, bool last) {
  std::lock_guard lock(mutex_);
  std::vector<otlp::Batch> leaving;
  auto next_round = [&] { std::replace(cores_.begin(), cores_.end(), Presence::present, Presence::absent); };
  // Here for the second time and somebody still missing: the first round leaves without them.
  if (cores_[core] == Presence::present) leaving = std::exchange(gathered_, {}), next_round();
  std::move(flushed.begin(), flushed.end(), std::back_inserter(gathered_));
  cores_[core] = last ? Presence::gone : Presence::present;
  if (std::find(cores_.begin(), cores_.end(), Presence::absent) != cores_.end()) return leaving;
  std::move(gathered_.begin(), gathered_.end(), std::back_inserter(leaving));
  gathered_.clear();
  next_round();
  return leaving;
}

}  // namespace weir::connectors::spanmetrics
