#pragma once
// The bytes of a segment: a file of records, each with checksums of its own. docs/design/storage.md has the layout and a
// worked example. Nothing in here knows what the records are about.
#include <optional>

#include "base/bytes.h"
#include "io/fs.h"

namespace weir::storage {

// A segment's file name carries what its records cannot be found without, so that no damage inside can hide them all.
// `salt` is random and goes into every checksum of a record's head: bytes inside of a record that look like a record, sent by
// somebody who knows the format, are not taken for one after damage.
struct SegmentName {
  std::uint64_t number = 0, salt = 0;

  std::string segment_file() const;   // "000000000000002a-9e3779b97f4a7c15.seg"
  std::string settled_file() const;   // the same with ".ack": which of its records need not be kept any more
  static std::optional<SegmentName> parse(std::string_view segment_file);
  bool operator==(const SegmentName&) const = default;
};

constexpr std::size_t segment_head_bytes = 32, record_head_bytes = 40, settled_entry_bytes = 8;
// Longer ones are refused: a reader may have to hold a whole record.
constexpr std::size_t max_record_bytes = 256 * 1024 * 1024;

struct RecordHead {
  std::uint32_t length = 0;      // of the payload
  std::uint32_t checksum = 0;    // of the payload
  std::uint32_t index = 0;       // counts the records of the segment from 0
  std::uint32_t items = 0;
  UnixNanos time = 0;            // when it was written
  std::uint8_t kind = 0;         // the writer's
  std::uint8_t version = 1;
};

std::string encode_segment_head(UnixNanos created);
void append_record_head(std::string& to, const RecordHead& head, std::uint64_t salt);
// nullopt: these bytes are no record's head, or it is damaged.
std::optional<RecordHead> decode_record_head(std::string_view bytes, std::uint64_t salt);

std::string encode_settled(std::span<const std::uint32_t> indexes, std::uint64_t salt);
// What cannot be read is left out: the record is then delivered once more.
std::vector<std::uint32_t> decode_settled(std::string_view bytes, std::uint64_t salt);

struct Record {
  RecordHead head;
  std::uint64_t offset = 0;  // of its head
  Bytes payload;             // keeps what was read with it alive, some 256 KiB
};

// What a reader went past.
struct Skipped {
  std::uint64_t broken = 0;   // records that are damaged
  std::uint64_t unknown = 0;  // records, or whole segments, of a version that this program does not know
  std::uint64_t bytes = 0;    // of both
  bool torn = false;          // the file ends inside of a record: it was being written at the end of the process, or was cut

  bool damage() const { return broken > 0 || unknown > 0; }
  Skipped& operator+=(const Skipped& other);
  std::string text() const;
};

// Reads the records of a segment in order. One core, or a worker; reads the file in pieces, and holds one of them.
class SegmentReader {
 public:
  enum class Check : std::uint8_t { all, heads };  // heads: payloads are neither read nor checked
  SegmentReader(io::File& file, SegmentName name, Check check = Check::all);
  // Goes on where another reader stopped.
  void resume(std::uint64_t offset, std::uint32_t index);
  // Bytes from here on are still being written.
  void stop_at(std::uint64_t end) { end_ = end; }

  // The next whole record; nullopt at the end. An error is the disk's: it may pass.
  Result<std::optional<Record>> next();

  // Behind the last record.
  std::uint64_t offset() const { return at_; }
  std::uint32_t index() const { return index_; }
  const Skipped& skipped() const { return skipped_; }

 private:
  Result<std::string_view> look(std::uint64_t offset, std::size_t bytes);
  Result<> check_version();
  Result<std::optional<RecordHead>> find_head();
  Result<bool> resync();
  Result<bool> is_damaged_head();
  Result<bool> read_payload(const RecordHead& head, Record& to);

  io::File& file_;
  SegmentName name_;
  Check check_;
  std::uint64_t at_ = segment_head_bytes, end_ = UINT64_MAX;
  std::uint32_t index_ = 0;  // of the record expected at at_
  bool begun_ = false, readable_ = true;
  Skipped skipped_;
  Bytes chunk_;  // of the file, from chunk_at_ on
  std::uint64_t chunk_at_ = 0;
};

}  // namespace weir::storage
