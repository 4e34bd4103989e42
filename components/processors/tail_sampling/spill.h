#pragma once
// Span bytes of traces that wait, on disk for the time being.
#include <deque>
#include <map>

#include "base/log.h"
#include "components/processors/tail_sampling/segments.h"
#include "components/shared/storage/log_access.h"
#include "engine/component.h"
#include "io/fs.h"

namespace weir::processors::tail_sampling {

// Writes whole segments to files and gives their memory back, oldest first; reads one back when somebody needs what is in it. What was
// spilled is there for this process only: what has to survive it is in the hold log. One core. A file has some segments and goes
// with the last of them, or is written over. What cannot be written stays in memory.
class Spill {
 public:
  // Null without a data directory. Blocks when it is opened first: what earlier processes left is removed.
  static Result<std::unique_ptr<Spill>> open(const engine::StageContext& context, const std::string& directory, Segments& memory);
  ~Spill();

  // Begins to bring `bytes` of memory to disk, if that is not under way. False: there is nothing to spill, or the disk does not take it.
  bool relieve(std::size_t bytes);
  // Something is being written: memory is about to be free.
  bool relieving() const { return writing_ > 0; }
  // Brings a segment back; `done` hears whether that worked, at once when it is here.
  using Done = std::move_only_function<void(bool)>;
  void fetch(Segments::Segment& segment, Done done);
  bool idle() const { return writing_ == 0 && reading_ == 0; }

 private:
  // What the stages that use a directory have in common.
  struct Directory {
    std::string path;
    std::atomic<std::uint64_t> next_file{1};
  };
  struct File {
    std::string path;
    std::size_t segments = 0;  // that are still of use
  };
  struct WriteJob;
  struct ReadJob;

  Spill(const engine::StageContext& context, std::shared_ptr<Directory> directory, Segments& memory);
  bool write();
  void written(WriteJob& job);
  void read(ReadJob& job);
  void release(std::uint64_t file);
  void remove(const std::string& path);
  void submit(io::Task work, io::Task done);

  engine::StageContext context_;
  std::shared_ptr<Directory> directory_;  // shared by the stages that use it
  Segments& memory_;
  telemetry::Counter &spilled_, &fetched_, &failures_;
  std::map<std::uint64_t, File> files_;
  std::vector<std::string> spare_;  // files of no use now: the next ones are written over them
  std::map<Segments::Segment*, std::vector<Done>> wanted_;  // being read
  std::size_t want_ = 0;           // bytes still to be brought to disk
  std::size_t on_the_way_ = 0;     // bytes that are being written
  std::size_t writing_ = 0, reading_ = 0;
  std::shared_ptr<WriteJob> job_;  // under way; shared with the worker
  storage::Offload offload_;
  log::RateLimit lines_;
  TimePoint pause_ = TimePoint::min();  // after a failure
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // jobs look whether this is still there
};

}  // namespace weir::processors::tail_sampling
