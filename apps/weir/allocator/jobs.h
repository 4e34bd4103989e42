#pragma once
// The scrape jobs of the allocator at work: their discovery, and the targets that it has found.
#include "components/shared/allocation/item.h"
#include "components/shared/monitors/monitor.h"
#include "components/shared/scrape/discovery/discovery.h"
#include "components/shared/scrape/relabel/relabeler.h"

namespace weir::app {

// The targets of one job. `filter`: those that its rules drop are left out.
std::vector<allocation::Item> items_of(const scrape::ScrapeConfig& job, const scrape::Relabeler& relabeler, const std::vector<scrape::TargetGroup>& groups, bool filter);

// One core.
class Jobs {
 public:
  struct Parts {
    io::Executor& executor;
    engine::Host& host;
    bool filter = true;
    std::string kubeconfig;  // for discovery in the cluster
  };
  // `changed`: jobs or targets are others now; at most each `pause`.
  Jobs(Parts parts, std::function<void()> changed) : parts_(parts), changed_(std::move(changed)) {}
  ~Jobs();

  // All jobs of one source ("file", "monitors"). Those that have not changed go on. Errors name jobs that do not start.
  std::vector<std::string> set(const std::string& source, std::vector<monitors::Job> jobs);
  std::vector<allocation::Item> items() const;
  std::size_t size() const;
  Duration interval_of(const std::string& job) const;
  // {job: scrape config}. Without `secrets` they read <secret>.
  std::string json(bool secrets) const;
  // Names of the jobs that have targets or not.
  std::vector<std::string> names() const;

  static constexpr Duration pause = 5s, gather = 100ms;  // gather: what comes together is told together

 private:
  struct Running {
    monitors::Job job;
    std::string text;  // to see whether it has changed
    scrape::Relabeler relabeler;
    std::vector<std::unique_ptr<scrape::Discovery>> discoveries;
    std::vector<std::vector<scrape::TargetGroup>> groups;  // of each
  };
  using Source = std::map<std::string, std::unique_ptr<Running>>;
  Result<std::unique_ptr<Running>> run(monitors::Job job, std::string text);
  void later();

  Parts parts_;
  std::function<void()> changed_;
  std::map<std::string, Source> sources_;
  io::TimerId timer_ = 0;
  TimePoint next_{};
};

}  // namespace weir::app
