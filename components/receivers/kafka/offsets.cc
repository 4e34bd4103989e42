#include "components/receivers/kafka/offsets.h"

#include <algorithm>

namespace weir::receivers::kafka {

std::optional<std::int64_t> Offsets::settle(std::int64_t offset) {
  auto at = std::ranges::lower_bound(open_, offset, {}, &Message::offset);
  if (at == open_.end() || at->offset != offset) return std::nullopt;
  at->settled = true;
  std::optional<std::int64_t> out;
  while (!open_.empty() && open_.front().settled) {
    out = open_.front().offset + 1;
    open_.pop_front();
  }
  return out;
}

}  // namespace weir::receivers::kafka
