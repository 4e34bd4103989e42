#pragma once
// Reads back what kept traces have on disk.
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "components/shared/storage/log_access.h"
#include "engine/component.h"
#include "io/fs.h"

namespace weir::holding {

// Runs of bytes of files, read by a worker, many at a time. One core, one job at a time.
class Fetch {
 public:
  struct Run {
    std::shared_ptr<const std::string> file;  // shared by all who have something in it
    std::uint64_t offset;
    std::size_t size;
    std::uint32_t checksum;
  };
  // Where runs are in `bytes`; an empty one could not be read, or is not what was written.
  struct Got {
    Bytes bytes;
    std::vector<std::string_view> runs;
  };
  using Done = std::move_only_function<void(Got)>;

  // `metrics`: in front of the names of its counters.
  Fetch(const engine::StageContext& context, std::string_view metrics);

  bool busy() const { return busy_; }
  // Not while busy().
  void read(std::vector<Run> runs, Done done);
  // Says that memory was given back, because all of it is on disk.
  void count_spilled(std::size_t bytes) { spilled_.add(bytes); }

 private:
  struct Job;
  void finish(Job& job, Done& done);

  engine::StageContext context_;
  telemetry::Counter &spilled_, &fetched_, &failures_;
  storage::Offload offload_;
  log::RateLimit lines_;
  bool busy_ = false;
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // jobs look whether this is still there
};

}  // namespace weir::holding
