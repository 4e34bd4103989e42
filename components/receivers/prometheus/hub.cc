#include "components/receivers/prometheus/hub.h"

#include <xxhash.h>

#include "engine/key.h"

namespace weir::receivers::prometheus {

std::size_t owner_of(const std::string& job, std::uint64_t target, std::size_t owners) {
  return engine::owner_of_key(XXH3_64bits_withSeed(job.data(), job.size(), target), owners);
}

void Hub::tell(const Member& member, std::shared_ptr<const Assignment> assignment) {
  member.executor->post([take = member.take, assignment = std::move(assignment)] {
    if (*take) (*take)(assignment);
  });
}

std::shared_ptr<void> Hub::join(std::uint16_t shard, io::Executor& executor, Take take) {
  std::lock_guard lock(mutex_);
  auto& member = members_[shard];
  member = {&executor, std::make_shared<Take>(std::move(take))};
  if (newest_) tell(member, newest_);
  return member.take;
}

// On the member's own core: nothing runs there meanwhile.
void Hub::leave(std::uint16_t shard, const std::shared_ptr<void>& token) {
  if (!token) return;
  std::lock_guard lock(mutex_);
  *std::static_pointer_cast<Take>(token) = nullptr;
  auto at = members_.find(shard);
  if (at != members_.end() && at->second.take == token) members_.erase(at);
  if (members_.empty()) newest_.reset();  // of a plan that is over
}

void Hub::publish(std::shared_ptr<const Assignment> assignment) {
  std::lock_guard lock(mutex_);
  newest_ = std::move(assignment);
  for (auto& [shard, member] : members_) tell(member, newest_);
}

}  // namespace weir::receivers::prometheus
