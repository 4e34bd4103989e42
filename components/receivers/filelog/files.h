#pragma once
// The files that are read or were read: who they are, how far they were read, and how far that has arrived.
#include <map>
#include <unordered_map>

#include "base/arena.h"
#include "components/receivers/filelog/config.h"
#include "components/receivers/filelog/ordering.h"
#include "components/receivers/filelog/source.h"
#include "storage/checkpoints.h"

namespace weir::receivers::filelog {

// The last bytes in front of a position tell whether a file still is what it was: so many of them.
constexpr std::uint64_t tail_bytes = 64;

struct Position {
  std::uint64_t offset = 0, record = 0;
  std::uint64_t tail = 0;  // sum of the bytes in front of it; 0: unknown
};

// One file. Its identity is device and inode, and the sum of its first bytes.
struct TrackedFile {
  std::uint64_t id = 0;
  std::uint64_t heir = 0;          // the file that goes on with it: a copy of it
  std::string path;
  std::uint64_t device = 0, inode = 0;
  std::uint64_t fingerprint_size = 0, fingerprint = 0;
  Position read, settled;
  std::uint64_t size = 0;          // as last seen; of compressed files that of the compressed bytes
  std::uint64_t compressed_read = 0;  // compressed: the size at which everything had been read
  bool compressed = false;
  std::unique_ptr<Source> source;  // null while closed
  bool busy = false;               // a worker is reading it
  bool gone = false;               // not among those that were found last
  bool replaced = false;           // another file has its inode now: only what was read of it still has to arrive
  bool queued = false;             // waits to be read
  bool skipping = false;           // the rest of a line that was cut off is not to be read
  std::size_t partial = 0;         // length of the last line, which has no end yet
  TimePoint partial_since{};
  std::size_t unsettled = 0;       // batches that have something of it
  UnixNanos last_seen = 0;
  bool header_done = false, delete_when_settled = false;

  Arena memory;                    // of the attributes
  otlp::Attributes attributes;     // of each record
  otlp::Attributes header;         // those of them that come from its header

  bool at_end() const { return compressed ? compressed_read == size : read.offset >= size; }
};

// One core; looks into files (short reads) while it sorts out who is who.
class Files {
 public:
  Files(const Config& config, std::string component);

  // Where positions are kept. Reads what is there.
  Result<> open_checkpoints(io::Fs& fs, const std::string& directory, std::string_view name, UnixNanos wall);
  bool has_checkpoints() const { return checkpoints_.has_value(); }
  storage::Checkpoints* checkpoints() { return checkpoints_ ? &*checkpoints_ : nullptr; }

  // After each look at the folders. The result: files that have something to read.
  std::vector<TrackedFile*> update(std::vector<Found> found, TimePoint now, UnixNanos wall);
  TrackedFile* find(std::uint64_t id);
  // What was read up to here has arrived.
  void settle(TrackedFile& file, const Position& position);
  // The sum of the bytes in front of an offset.
  static std::uint64_t tail_of(TrackedFile& file, std::uint64_t offset);
  // Opens the file if it is closed. False, said in the log, when that cannot be done.
  bool open(TrackedFile& file);
  std::size_t open_files() const;
  template <class Each>
  void each(Each each) {
    for (auto& [id, file] : files_) each(*file);
  }

 private:
  struct Waiting {
    TimePoint since;
    std::uint64_t size = 0;
  };
  enum class Kinship : std::uint8_t { none, copy, undecided };

  TrackedFile& add(const Found& found, std::unique_ptr<Source> source, UnixNanos wall);
  TrackedFile* known(const Found& found, UnixNanos wall);
  TrackedFile* unknown(const Found& found, TimePoint now, UnixNanos wall);
  TrackedFile* relative_of(Source& source, const Found& found, TimePoint now, Kinship& kinship);
  Kinship compare(TrackedFile& known, Source& source, const Found& found, TimePoint now);
  bool still_itself(TrackedFile& file);
  TrackedFile* renewed(TrackedFile& file, const Found& found, bool from_start, UnixNanos wall);
  void set_fingerprint(TrackedFile& file);
  void resolve_attributes(TrackedFile& file);
  void close_idle();
  void forget_old(UnixNanos wall);
  void store(const TrackedFile& file);
  void note_unreadable(const std::string& path, const Error& error);
  bool decide_compressed(Source& source) const;

  const Config& config_;
  std::string component_;
  std::optional<storage::Checkpoints> checkpoints_;
  std::map<std::uint64_t, std::unique_ptr<TrackedFile>> files_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, TrackedFile*> by_inode_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, Waiting> waiting_;  // may be copies of others
  std::map<std::string, bool> unreadable_;
  std::uint64_t next_id_ = 1;
  bool first_look_ = true, resumed_ = false;
};

}  // namespace weir::receivers::filelog
