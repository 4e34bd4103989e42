#pragma once
// A log of records in segments: what one core of a queue writes, reads back and frees.
#include <deque>

#include "base/rng.h"
#include "io/executor.h"
#include "storage/log_files.h"

namespace weir::storage {

// When written bytes are handed to the disk. `never` and `interval` survive the end of the process at any moment; `interval` loses at
// most that much at a power cut, `always` nothing that was answered.
enum class Sync : std::uint8_t { never, interval, always };

struct LogSettings {
  Sync sync = Sync::interval;
  Duration interval = 1s;
  std::uint64_t segment_bytes = 16 * 1024 * 1024;  // a new one is begun past this
  bool newest_first = false;                       // order of reading: segments, not records within one
  bool claims = true;                              // reads what nobody has, too
};

// Where a record is. Segment and index say which one it is.
struct Place {
  std::uint64_t segment = 0;
  std::uint32_t index = 0;
  std::uint64_t offset = 0;  // of its payload in the segment's file
  auto operator<=>(const Place& other) const { return std::pair(segment, index) <=> std::pair(other.segment, other.index); }
  bool operator==(const Place& other) const { return segment == other.segment && index == other.index; }
};

// What is to be written. `kind` is the caller's.
struct NewRecord {
  std::vector<Bytes> pieces;
  std::uint32_t items = 0;
  std::uint8_t kind = 0;
};

struct ReadRecord {
  Place place;
  Bytes payload;
  std::uint32_t items = 0;
  std::uint8_t kind = 0;
  UnixNanos time = 0;
  bool recovered = false;  // written by another process or core
};

// Runs `work` where it may block, then `done` on the core that asked.
using Offload = std::function<void(std::move_only_function<void()> work, io::Task done)>;
struct Offloads {
  Offload urgent;  // somebody waits for it
  Offload brief;   // the same, and it is a write of little into the page cache
  Offload later;   // nobody does
};

// One core. Files are touched by at most three jobs at a time: one appends, and what comes meanwhile is written together by
// the next one (group commit); one reads; one does the upkeep: syncs, notes what is settled, removes files. So nobody waits for a removal
// or, but with Sync::always, for a sync before an answer.
//
// A record is `taken` from append() or read() until it is settled, and is not read again meanwhile; leave() makes it unread.
// A segment is removed when all of its records are settled. Records that were neither settled nor damaged are there after a
// restart, whatever happened; one that was settled shortly before a crash may come again.
//
// Disk full or broken: append() fails for those records, nothing of them stays, and the next append tries again.
// A failed sync means that the segment is not written to any more.
class Log {
 public:
  Log(std::shared_ptr<LogFiles> files, const LogSettings& settings, io::Executor& executor, std::uint64_t seed, Offloads offloads);
  // What it has is given back to `files`; callbacks of jobs under way do not come.
  ~Log();
  Log(const Log&) = delete;

  using Appended = std::move_only_function<void(Result<Place>)>;
  // Errc::permanent: it is too large for a record.
  void append(NewRecord record, Appended done);
  // It need not be kept any more.
  void settle(Place place);
  // It is to be read again, at its turn.
  void leave(Place place);

  // True when there may be something to read.
  bool has_unread() const;
  // The same of what others left here.
  bool has_unread_from_before() const;
  using Read = std::move_only_function<void(std::vector<ReadRecord>)>;
  // The next records, at least one if there is one, up to about `bytes`. One call at a time. An empty answer: nothing now.
  void read(std::size_t bytes, Read done);
  bool reading() const { return reading_; }

  // Frees the oldest segment that is not being read; `done` hears how many records and items were lost that were not taken.
  // False: there is none.
  using Discarded = std::move_only_function<void(std::uint64_t segment, std::uint64_t records, std::uint64_t items)>;
  bool discard_oldest(Discarded done);

  // Nothing is being written or waits for that.
  bool idle() const { return !writing_ && !in_upkeep_ && waiting_.empty() && unwritten_settled_ == 0 && doomed_.empty(); }
  // Writes what settle() left to be written soon.
  void flush();

  std::uint64_t waiting_bytes() const { return waiting_bytes_; }
  // The file of a segment in which somebody has a record.
  std::string path_of(std::uint64_t segment) const { return files_->path(segments_.at(segment)->name.segment_file()); }

  // Counts since the beginning, for metrics.
  struct Counts {
    std::uint64_t records = 0, bytes = 0, write_failures = 0, sync_failures = 0, syncs = 0;
    Skipped skipped;
  };
  const Counts& counts() const { return counts_; }
  // Said when records were skipped, with the segment's file.
  std::function<void(const std::string& file, const Skipped&)> on_damage;

 private:
  struct Waiting {
    NewRecord record;
    std::uint64_t bytes;
    Appended done;
  };
  struct Segment {
    SegmentName name;
    std::uint64_t bytes = 0;        // on disk, all written
    std::uint32_t count = 0;        // records so far, when `complete`
    bool own = false;               // written here
    bool complete = false;          // count is known: own, or read to the end
    bool keep = false;              // has what another version may read
    bool being_read = false, being_written = false;
    bool again = false;             // a record that was passed is to be read once more
    std::vector<bool> taken, settled;
    std::uint32_t taken_count = 0, settled_count = 0;
    std::uint64_t read_offset = 0;  // where reading goes on
    std::uint32_t read_index = 0;
    std::uint64_t synced = 0;       // bytes
    std::uint64_t reserved = 0;     // on the disk, or asked for
    std::vector<std::uint32_t> fresh_settled;  // not written yet

    bool unread() const { return !complete || taken_count < count; }
    void grow(std::uint32_t records);
    void rewind();
    void take(std::uint32_t index);
    bool settle(std::uint32_t index);
  };
  struct OpenFile;
  struct WriteJob;
  struct UpkeepJob;
  struct ReadJob;

  Segment* find(std::uint64_t number);
  Segment& open_segment();
  void close_active();
  void kick();
  void begin_write();
  void written(WriteJob& job);
  void begin_upkeep();
  void take_settled(UpkeepJob& job);
  void upkept(UpkeepJob& job);
  void settle_later();
  void read_from(Segment& segment, std::size_t bytes, Read done);
  void was_read(ReadJob& job, Read done);
  Segment* next_to_read();
  void adopt(const FreeSegment& segment);
  bool free_if_settled(Segment& segment);
  void remove(Segment& segment);
  void arm_sync();
  bool wants_sync() const;
  std::uint64_t to_reserve() const;

  std::shared_ptr<LogFiles> files_;  // shared with the log's other cores
  LogSettings settings_;
  io::Executor& executor_;
  Rng rng_;
  Offloads offloads_;
  std::map<std::uint64_t, std::unique_ptr<Segment>> segments_;
  std::uint64_t active_ = 0;              // number of the segment written to; 0: none
  std::shared_ptr<OpenFile> file_;        // of active_; jobs use it while writing_ or in_upkeep_
  std::vector<std::shared_ptr<OpenFile>> closing_;  // of the segments before, still to be synced
  std::deque<Waiting> waiting_;
  std::uint64_t waiting_bytes_ = 0;
  std::size_t unwritten_settled_ = 0;     // in fresh_settled of all segments
  std::vector<std::string> doomed_;       // files to remove
  bool writing_ = false, in_upkeep_ = false, reading_ = false, sync_due_ = false;
  io::TimerId settle_timer_ = 0, sync_timer_ = 0;
  Counts counts_;
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // jobs look whether their log is still there
};

}  // namespace weir::storage
