#pragma once
// What a log does on workers: everything that touches files. A job belongs to the worker until its `done` runs on the core.
#include "storage/log.h"

namespace weir::storage {

// The file that is written to. A job's while it runs, otherwise the log's.
struct Log::OpenFile {
  std::unique_ptr<io::File> file;
  bool fresh = true;  // its name may not be on the disk yet
};

// What one job does on a worker, and what came of it.
struct Log::WriteJob {
  io::Fs& fs;
  std::string directory, path;  // of the segment, when there are records
  std::uint64_t number = 0, salt = 0, first_bytes = 0;
  UnixNanos wall = 0;
  std::uint32_t first_index = 0;
  std::vector<Waiting> records;
  std::shared_ptr<OpenFile> file, closing;  // closing: full, and not all of it synced
  bool sync = false;
  struct Settled {
    std::uint64_t number;
    std::string path;
    std::uint64_t salt;
    std::vector<std::uint32_t> indexes;
  };
  std::vector<Settled> settled;
  std::vector<std::string> doomed;
  Result<> wrote, synced, closed, marked;
  bool poisoned = false;  // the file may end in a part of a record
  std::uint64_t size = 0;
  void run();
  Result<> write();
  Result<> sync_file(OpenFile& open);
  Result<> mark(const Settled& marks);
};

struct Log::ReadJob {
  io::Fs& fs;
  std::string path, settled_path;
  SegmentName name;
  std::uint64_t offset = 0, end = UINT64_MAX;
  std::uint32_t index = 0;
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
