#pragma once
// The files that are read or were read: who they are, how far they were read, and how far that has arrived.
#include <map>
#include <set>
#include <unordered_map>

#include "base/arena.h"
#include "components/receivers/filelog/config.h"
#include "components/receivers/filelog/known_files.h"
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
  std::uint64_t lane = 0;          // modulo their number; a copy has that of its original, since positions of one lane move in order
  std::string path;
  std::uint64_t device = 0, inode = 0;
  std::uint64_t fingerprint_size = 0, fingerprint = 0;
  Position read, settled;
  std::uint64_t size = 0;          // as last seen; of compressed files that of the compressed bytes
  std::uint64_t compressed_read = 0;  // compressed: the size at which everything had been read
  bool compressed = false;
  std::unique_ptr<Source> source;  // null while closed
  bool busy = false;               // a piece of it is being read, or is with a lane
  bool gone = false;               // not among those that were found last
  bool replaced = false;           // another file has its inode now: only what was read of it still has to arrive
  bool queued = false;             // waits to be read
  bool skipping = false;           // the rest of a line that was cut off is not to be read
  std::size_t partial = 0;         // length of the last line, which has no end yet
  TimePoint partial_since{};
  UnixNanos last_seen = 0, modified = 0;
  bool header_done = false, delete_when_settled = false;

  Arena memory, header_memory;     // of the attributes
  otlp::Attributes attributes;     // of each record
  otlp::Attributes header;         // those of them that come from its header

  // All that was read of it has arrived. Not while it is busy.
  bool all_arrived() const { return settled.offset >= read.offset; }
  bool at_end() const { return compressed ? compressed_read == size : read.offset >= size; }
};

// One core; looks into files (short reads) while it sorts out who is who.
class Files {
 public:
  Files(const Config& config, std::string component);

  // Where positions are kept. Goes on from those that are there.
  void resume(storage::Checkpoints checkpoints);
  bool resumed() const { return resumed_; }
  // Where the Go collector was, for the first look; without effect when there are positions of our own.
  void import(std::vector<KnownFile> known);
  struct Deleted {
    std::uint64_t open_bytes = 0, given_up_files = 0, given_up_bytes = 0;
  };
  // Deleted files that are kept open since they were not read or have not arrived, and those that were given up for want of room.
  const Deleted& deleted() const { return deleted_; }
  bool has_checkpoints() const { return checkpoints_.has_value(); }
  storage::Checkpoints* checkpoints() { return checkpoints_ ? &*checkpoints_ : nullptr; }

  // After each look at everything. The result: files that have something to read.
  std::vector<TrackedFile*> update(std::vector<Found> found, TimePoint now, UnixNanos wall);
  // After a look at those that were written to; the others are as they were.
  std::vector<TrackedFile*> update_some(std::vector<Found> found, TimePoint now, UnixNanos wall);
  // Files that have to be looked at whether they were written to or not.
  bool restless() const { return !restless_.empty(); }
  // Some may be copies in the making of others: only a look at everything tells.
  bool undecided() const { return undecided_; }
  TrackedFile* find(std::uint64_t id);
  // After reading: a last line without an end is to be looked at again.
  void note_partial(const TrackedFile& file);
  // What was read up to here has arrived.
  void settle(TrackedFile& file, const Position& position);
  // The sum of the bytes in front of an offset.
  static std::uint64_t tail_of(TrackedFile& file, std::uint64_t offset);
  // What stands in front of where we are is what we read there. Asked after a read, it tells that the read was of the same content.
  static bool reaches(TrackedFile& file) { return file.compressed || file.read.tail == 0 || tail_of(file, file.read.offset) == file.read.tail; }
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
  void begin_at(TrackedFile& file, const Found& found);
  TrackedFile* relative_of(Source& source, const Found& found, TimePoint now, Kinship& kinship);
  Kinship compare(TrackedFile& known, Source& source, const Found& found, TimePoint now);
  bool still_itself(TrackedFile& file);
  TrackedFile* truncated(TrackedFile& file, const Found& found, UnixNanos wall);
  void replace(TrackedFile& file, const Found& found);
  void set_fingerprint(TrackedFile& file);
  void index(TrackedFile& file);
  void unindex(TrackedFile& file);
  std::vector<TrackedFile*> with_head_of(Source& source) const;
  void resolve_attributes(TrackedFile& file);
  bool has_more(TrackedFile& file);
  void close_idle();
  void limit_deleted();
  void forget_old(UnixNanos wall);
  void store(const TrackedFile& file);
  void note_unreadable(const std::string& path, const Error& error);
  bool decide_compressed(Source& source) const;

  const Config& config_;
  std::string component_;
  std::optional<storage::Checkpoints> checkpoints_;
  std::map<std::uint64_t, std::unique_ptr<TrackedFile>> files_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, TrackedFile*> by_inode_;
  // By how many bytes are summed, then by their sum.
  std::map<std::uint64_t, std::unordered_multimap<std::uint64_t, TrackedFile*>> by_fingerprint_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, Waiting> waiting_;  // may be copies of others
  std::map<std::string, bool> unreadable_;
  std::set<std::uint64_t> restless_;
  std::vector<KnownFile> imported_;  // where another program was, until the first look is over
  std::uint64_t next_id_ = 1;
  Deleted deleted_;
  bool first_look_ = true, resumed_ = false, undecided_ = false;
};

}  // namespace weir::receivers::filelog
