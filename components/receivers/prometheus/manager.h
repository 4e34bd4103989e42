#pragma once
// Finds targets and tells all cores. First core only.
#include "components/receivers/prometheus/hub.h"
#include "components/shared/scrape/board.h"

namespace weir::receivers::prometheus {

class Manager {
 public:
  Manager(const Config& config, std::string receiver, io::Executor& executor, engine::Host& host, Hub& hub);
  ~Manager();
  Result<> start();

 private:
  // A job at work: what finds its targets, and what they have found.
  struct Running {
    JobPtr job;
    scrape::Relabeler relabeler;
    std::vector<std::unique_ptr<scrape::Discovery>> discoveries;
    std::vector<std::optional<std::vector<scrape::TargetGroup>>> groups;  // of each; none: nothing told yet
    std::vector<scrape::TargetPtr> targets;
    std::string error;
    std::string text;  // the target allocator's, to see whether it has changed
  };
  Result<std::unique_ptr<Running>> run(scrape::ScrapeConfig config);
  void found(Running& running, std::size_t discovery, std::vector<scrape::TargetGroup> groups);
  void changed(Running& running);
  void publish();

  void ask_allocator();
  void allocator_answered(Result<scrape::Fetched> answer);
  Result<> take_jobs(std::string_view body);
  Result<scrape::ScrapeConfig> allocated_job(const std::string& name, const config::Value& value) const;

  const Config& config_;
  std::string receiver_;
  io::Executor& executor_;
  engine::Host& host_;
  Hub& hub_;
  std::shared_ptr<scrape::Board> board_;  // shared with the process
  std::vector<std::unique_ptr<Running>> jobs_, allocated_;
  io::TimerId publish_timer_ = 0, allocator_timer_ = 0;
  TimePoint published_{};
  std::unique_ptr<scrape::Fetcher> fetcher_;  // of the target allocator
  std::string allocated_from_;                // the answer that allocated_ was made of
};

}  // namespace weir::receivers::prometheus
