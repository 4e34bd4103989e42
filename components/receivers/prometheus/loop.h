#pragma once
// One target: when it is scraped, and what is made of its answers.
#include "components/receivers/prometheus/job.h"
#include "components/shared/scrape/board.h"

namespace weir::receivers::prometheus {

// What loops need of the receiver. One core.
struct LoopContext {
  io::Executor& executor;
  engine::Intake& intake;
  engine::Host& host;
  std::uint64_t offset_seed;
  Duration initial_offset;
  bool extra_metrics, stale_on_shutdown;
  std::uint16_t shard;
  std::string receiver;
  scrape::Board& board;
  std::shared_ptr<series_churn::Churn> churn;  // shared with the other cores
};

class TargetLoop {
 public:
  TargetLoop(LoopContext& context, std::shared_ptr<JobTools> tools, scrape::TargetPtr target);
  ~TargetLoop();
  TargetLoop(const TargetLoop&) = delete;

  void start();
  // Too many targets: scrapes fail with this, without a request. Empty: they do not.
  void set_forced_error(std::string error) { forced_error_ = std::move(error); }
  // The target is gone: its series are ended after a bit more than two intervals, then `done`.
  void retire(io::Task done);
  // It is back before that.
  void resume();
  bool retiring() const { return retiring_; }
  // Scrapes once more, without waiting for the next time.
  void scrape_now(io::Task done);
  // Marks all series as ended, now.
  void end_series();
  const scrape::Target& target() const { return *target_; }

 private:
  void schedule();
  void scrape();
  void answered(Result<scrape::Fetched> answer);
  Result<> take(scrape::Fetched& answer, TargetSeries::Counts& counts);
  void finish(Result<> result, const TargetSeries::Counts& counts, double bytes);
  void report_stale(std::int64_t now);
  void push();
  void charge_series();

  LoopContext& context_;
  std::shared_ptr<JobTools> tools_;  // shared with the other targets of the job
  scrape::TargetPtr target_;
  TargetSeries series_;
  io::TimerId timer_ = 0;
  TimePoint next_{};
  UnixNanos aligned_ = 0;  // when this scrape was to be
  std::int64_t time_ = 0;  // of the scrape under way, ms
  TimePoint began_{};
  scrape::FetchId fetch_ = 0;
  std::size_t size_hint_ = 0;
  Charge charge_;  // for what series_ holds
  std::size_t charged_series_ = 0;
  std::string forced_error_;
  io::Task after_scrape_;
  bool scraped_ = false, retiring_ = false;
  bool failing_ = false;
};

// How long until a target's turn: the same after each restart, spread over the interval.
Duration offset_of(std::uint64_t hash, Duration interval, UnixNanos now);

}  // namespace weir::receivers::prometheus
