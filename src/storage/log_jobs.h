#pragma once
// What a log does on workers: everything that touches files. A job belongs to the worker until its `done` runs on the core.
#include "storage/log.h"

namespace weir::storage {

// The file that is written to. Appended to by one job at a time, and synced by one.
struct Log::OpenFile {
  std::unique_ptr<io::File> file;
  bool fresh = true;  // its name may not be on the disk yet; of the job that syncs

  Result<> sync(io::Fs& fs, const std::string& directory);
};

// What one job does on a worker, and what came of it.
struct Log::WriteJob {
  io::Fs& fs;
  std::string directory, path;  // of the segment
  std::uint64_t number = 0, salt = 0;
  UnixNanos wall = 0;
  std::uint32_t first_index = 0;
  std::vector<Waiting> records;
  std::shared_ptr<OpenFile> file;
  bool sync = false;
  Result<> wrote, synced;
  bool poisoned = false;  // the file may end in a part of a record
  std::uint64_t size = 0;
  void run();
  Result<> write();
};

// What nobody waits for.
struct Log::UpkeepJob {
  io::Fs& fs;
  std::string directory;
  std::vector<std::shared_ptr<OpenFile>> closing;  // full, and not all of it synced
  std::shared_ptr<OpenFile> file;                  // to be synced; null: it need not be
  std::shared_ptr<OpenFile> room_for;              // null: none has to be made
  std::uint64_t room = 0;
  std::uint64_t number = 0, size = 0;              // of file's segment: `size` bytes of it were written before this job began
  struct Settled {
    std::uint64_t number;
    std::string path;
    std::uint64_t salt;
    std::vector<std::uint32_t> indexes;
  };
  std::vector<Settled> settled;
  std::vector<std::string> doomed;
  Result<> synced, closed, marked;
  void run();
  Result<> mark(const Settled& marks);
};

struct Log::ReadJob {
  io::Fs& fs;
  std::string path, settled_path;
  SegmentName name;
  std::uint64_t offset = 0, end = UINT64_MAX;
  std::uint32_t index = 0;
  std::uint64_t size = 0;     // of the file
  bool with_settled = false;  // of another process: which of its records are settled is in a file
  std::vector<bool> taken;    // not to be read
  std::size_t bytes = 0;
  Result<> result;
  std::vector<std::uint32_t> settled;
  std::vector<ReadRecord> records;
  std::vector<std::uint32_t> present;  // all whole ones that were gone past
  bool at_end = false;
  Skipped skipped;
  void run();
  Result<> read();
  Result<> read_settled();
};

}  // namespace weir::storage
