#pragma once
// Memory for what lives about equally long.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "components/shared/holding/record.h"

namespace weir::holding {

// Hands out pieces one behind the other from large segments. A segment is used again once all pieces in it were given
// back; so what came together goes together, without a free list, and reads in the order of arrival run through memory.
// One thread. All pieces must be given back before it ends.
//
// A segment may also be a record of the hold log (adopt). It is on disk already, so its memory can be given back (detach): then its pieces
// are read from there.
class Segments {
 public:
  static constexpr std::size_t segment_bytes = 128 * 1024;
  // A piece of more gets a segment of its own.
  static constexpr std::size_t largest_shared = segment_bytes / 8;
  static constexpr std::size_t alignment = 8;

  struct Free {
    void operator()(char* bytes) const { ::operator delete(bytes); }
  };
  using Memory = std::unique_ptr<char, Free>;
  struct Segment {
    Segments* owner;
    std::size_t size;        // of its bytes
    bool shared;             // by many pieces, or made for one
    std::size_t used = 0;    // handed out, from the front
    std::size_t pieces = 0;  // not given back
    Memory bytes;            // null: a record
    Record record;  // its payload is empty once it is detached
    std::uint32_t pins = 0;  // of those who have views into the bytes
    Segment *before = nullptr, *after = nullptr;  // among the records that are in memory, oldest first
    bool listed = false;
    char* data() const { return bytes.get(); }
    const char* text() const { return bytes ? bytes.get() : record.payload.data(); }
    bool here() const { return bytes != nullptr || !record.payload.empty(); }
  };
  struct Piece {
    char* at;
    Segment* segment;  // for give_back()
  };

  Segments() = default;
  Segments(const Segments&) = delete;
  Segments& operator=(const Segments&) = delete;
  ~Segments();

  Piece take(std::size_t bytes);
  // A record that is on disk and not empty. The caller has a piece of it; share() makes others.
  Segment& adopt(Record record);
  static void share(Segment& segment) { ++segment.pieces; }
  static void give_back(Segment* segment) {
    if (--segment->pieces == 0) segment->owner->emptied(segment);
  }
  // Handed out, and not yet emptied with its segment, as far as it is in memory. What is kept empty is not in it: at most an eighth,
  // and one segment.
  std::size_t bytes() const { return bytes_; }
  // The same of what is on disk only.
  std::size_t bytes_away() const { return bytes_away_; }
  // Segments that are kept empty.
  std::size_t spare() const { return spare_.size(); }

  // The oldest record that is in memory and that nobody has pinned; null: none.
  Segment* oldest() const {
    Segment* at = first_;
    while (at != nullptr && at->pins > 0) at = at->after;
    return at;
  }
  // Gives back its memory.
  void detach(Segment& segment);

 private:
  void open();
  void emptied(Segment* segment);
  void list(Segment& segment);
  void unlist(Segment& segment);
  static Segment* make(Segments* owner, std::size_t bytes, bool shared);
  static void destroy(Segment* segment) { delete segment; }
  // For make().
  static Memory allocate(std::size_t bytes) { return Memory(static_cast<char*>(::operator new(bytes))); }

  Segment* open_ = nullptr;
  std::vector<Segment*> spare_;
  Segment *first_ = nullptr, *last_ = nullptr;
  std::size_t bytes_ = 0, bytes_away_ = 0;
  std::size_t closed_ = 0;  // shared segments in use, beside the open one
};

}  // namespace weir::holding
