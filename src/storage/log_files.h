#pragma once
// The directory of a log, shared by the cores that write and read it.
#include <mutex>

#include "storage/segment.h"

namespace weir::storage {

// A segment that nobody has open: left by an earlier process, or by a core that is gone.
struct FreeSegment {
  SegmentName name;
  std::uint64_t bytes = 0;
};

// Hands out numbers for new segments, and segments that nobody has, each to one core at a time: a log that was written by any number
// of cores is read by any other number. Any core.
class LogFiles {
 public:
  // Creates the directory and looks at what is in it (blocks).
  static Result<std::shared_ptr<LogFiles>> open(io::Fs& fs, const std::string& directory);

  // Higher than all before, also those of earlier processes.
  std::uint64_t next_number() { return next_number_.fetch_add(1, std::memory_order_relaxed); }

  bool has_free() const { return free_count_.load(std::memory_order_relaxed) > 0; }
  // The oldest or the newest one; nullopt when there is none.
  std::optional<FreeSegment> claim(bool newest = false);
  void give_back(const FreeSegment& segment);

  // Of all segments on disk, whoever has them.
  std::uint64_t bytes() const { return static_cast<std::uint64_t>(std::max<std::int64_t>(0, bytes_.load(std::memory_order_relaxed))); }
  void count(std::int64_t bytes) { bytes_.fetch_add(bytes, std::memory_order_relaxed); }

  io::Fs& fs() const { return fs_; }
  const std::string& directory() const { return directory_; }
  std::string path(const std::string& file) const { return directory_ + "/" + file; }

 private:
  LogFiles(io::Fs& fs, std::string directory) : fs_(fs), directory_(std::move(directory)) {}
  // A segment that somebody brought here from another directory, where numbers are others': it gets one of its own. Where it cannot be
  // renamed it stays for the next start.
  void take_in(FreeSegment segment);

  io::Fs& fs_;
  std::string directory_;
  std::atomic<std::uint64_t> next_number_{1};
  std::atomic<std::int64_t> bytes_{0};
  std::atomic<std::size_t> free_count_{0};
  std::mutex mutex_;  // guards free_
  std::map<std::uint64_t, FreeSegment> free_;
};

}  // namespace weir::storage
