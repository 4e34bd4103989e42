#pragma once
// How the first core, which finds targets, and all cores, which scrape them, come together.
#include <mutex>

#include "components/receivers/prometheus/job.h"

namespace weir::receivers::prometheus {

// All jobs with their targets: what is scraped is always a whole picture. Never changes; shared by all cores.
struct Assignment {
  struct JobTargets {
    JobPtr job;
    std::vector<scrape::TargetPtr> targets;
    std::string error;  // set: every scrape fails with it
  };
  std::vector<JobTargets> jobs;
};

// Who scrapes a target: by a hash of job and target, so that replicas can share them the same way.
std::size_t owner_of(const std::string& job, std::uint64_t target, std::size_t owners);

// One for each receiver of a plan. Any core.
class Hub {
 public:
  // Runs on the member's core with the newest assignment.
  using Take = std::function<void(std::shared_ptr<const Assignment>)>;
  // Until the returned token is given to leave(), on the same core. The members of an old plan may leave late.
  std::shared_ptr<void> join(std::uint16_t shard, io::Executor& executor, Take take);
  void leave(std::uint16_t shard, const std::shared_ptr<void>& token);
  void publish(std::shared_ptr<const Assignment> assignment);

 private:
  struct Member {
    io::Executor* executor = nullptr;
    std::shared_ptr<Take> take;  // shared with what was posted; empty when it has left
  };
  static void tell(const Member& member, std::shared_ptr<const Assignment> assignment);

  std::mutex mutex_;  // guards what follows
  std::map<std::uint16_t, Member> members_;
  std::shared_ptr<const Assignment> newest_;
};

}  // namespace weir::receivers::prometheus
