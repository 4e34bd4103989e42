#pragma once
// One run of all detectors, shared by every stage of a component: asked once for the process, not once for each core
// and pipeline. Safe to use from every core.
#include <mutex>

#include "components/processors/resourcedetection/detector.h"
#include "io/workers.h"

namespace weir::processors::resourcedetection {

class Detection : public std::enable_shared_from_this<Detection> {
 public:
  // `around` is used on worker threads.
  Detection(Config config, io::Workers& workers, std::unique_ptr<Surroundings> around);

  // Starts a run on `home` unless one is under way, or the last one began less than `refresh_interval` ago.
  void run(io::Executor& home);
  // What was found; null before the first run is over. A later run without any answer leaves the result as it was.
  std::shared_ptr<const Finding> result() const;
  // Posts `told` to `home` when the first run is over; at once when it is.
  void when_done(io::Executor& home, io::Task told);

 private:
  struct Waiting {
    io::Executor* home;
    io::Task told;
  };
  // One detector of the run under way.
  struct Asked {
    const Detector* detector;
    Result<Finding> answer = Finding{};
    unsigned attempts = 0;
    bool done = false;
  };
  void ask(std::size_t i, io::Executor& home);
  void answered(std::size_t i, io::Executor& home);
  void finish();

  const Config config_;
  io::Workers& workers_;
  const std::unique_ptr<Surroundings> around_;
  std::vector<Asked> asked_;  // of the core that runs it, and of a worker for the one it works on
  std::size_t open_ = 0;
  TimePoint deadline_{};

  mutable std::mutex mutex_;  // guards what follows
  bool running_ = false;
  std::optional<TimePoint> last_begun_;
  std::shared_ptr<const Finding> result_;  // shared with the stages that use it
  std::vector<Waiting> waiting_;
};

// Merges in order: an attribute that is there stays.
void merge(Finding& into, const Finding& more);

}  // namespace weir::processors::resourcedetection
