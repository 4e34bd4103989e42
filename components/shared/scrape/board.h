#pragma once
// What is known about all targets, for people who look: zpages, `weir targets`. Any core.
#include <map>
#include <mutex>

#include "components/shared/scrape/targets.h"

namespace weir::scrape {

struct LastScrape {
  std::string error;  // empty: it went well
  std::int64_t at_ms = 0;
  Duration took{};
  std::size_t samples = 0, series = 0, bytes = 0;  // bytes: what is kept of it in memory
};

struct TargetState {
  TargetPtr target;
  std::uint16_t core = 0;
  std::optional<LastScrape> last;  // none: not scraped yet
};

struct JobState {
  std::map<std::uint64_t, TargetState> active;
  std::vector<Labels> dropped;
  std::size_t dropped_count = 0;
  std::vector<std::string> failures;  // of making targets
};

class Board {
 public:
  // The one of the process.
  static std::shared_ptr<Board> of(engine::Host& host);

  void set(const std::string& receiver, const std::string& job, std::uint16_t core, TargetPtr target);
  void remove(const std::string& receiver, const std::string& job, std::uint64_t hash);
  void scraped(const std::string& receiver, const std::string& job, std::uint64_t hash, LastScrape last);
  void discovered(const std::string& receiver, const std::string& job, const Targets& targets);
  void remove_job(const std::string& receiver, const std::string& job);

  // {"jobs": [{"receiver", "job", "targets": [{"url", "health", …}], "dropped": […]}]}
  std::string json() const;

 private:
  using Key = std::pair<std::string, std::string>;  // receiver, job
  mutable std::mutex mutex_;                        // guards jobs_
  std::map<Key, JobState> jobs_;
};

}  // namespace weir::scrape
