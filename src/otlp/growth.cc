#include "otlp/growth.h"

namespace weir::otlp {

// A batch that is taken apart takes up to a quarter of the budget for that (engine::ReceiverIntake), and may grow by an eighth: what it becomes
// is written out once more when it leaves, by each core at the same time.
bool Growth::pay() {
  next_check_ = grown() + step;
  const std::size_t budget = batch_.charge.limit(), most = std::max(budget / 8 * 3, batch_.cost().largest + budget / 8);
  never_ = grown() > most;
  if (never_ || batch_.charge.overdrawn() || !batch_.charge.grow(referred_ - paid_)) return false;
  paid_ = referred_;
  return true;
}

Error Growth::error() const {
  std::string what = fmt::format("items grow by more than {} bytes through what is added to them, for which there is no memory", grown() / step * step);
  return {never_ ? Errc::too_large : Errc::refused, std::move(what), {}};
}

}  // namespace weir::otlp
