#include "components/connectors/spanmetrics/meeting.h"

namespace weir::connectors::spanmetrics {

TimePoint Meeting::join(TimePoint now) {
  std::lock_guard lock(mutex_);
  if (!epoch_) epoch_ = now;
  return *epoch_;
}

}  // namespace weir::connectors::spanmetrics
