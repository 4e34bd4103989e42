#pragma once
// Memory for what lives about equally long.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace weir::processors::tail_sampling {

// Hands out pieces one behind the other from large segments. A segment is used again once all pieces in it were given
// back; so what came together goes together, without a free list, and reads in the order of arrival run through memory.
// One thread. All pieces must be given back before it ends.
//
// The bytes of a segment that is full may be elsewhere for a while (detach, attach): then its pieces cannot be read.
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
    Memory bytes;            // null: elsewhere
    bool busy = false;       // on its way there or back
    std::uint32_t pins = 0;  // of those who have views into the bytes
    std::uint64_t file = 0, offset = 0;  // where, when bytes is null
    std::uint32_t checksum = 0;
    Segment *before = nullptr, *after = nullptr;  // among those that are full and here, oldest first
    bool listed = false;
    char* data() const { return bytes.get(); }
    bool here() const { return bytes != nullptr; }
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
  static void give_back(Segment* segment) {
    if (--segment->pieces == 0) segment->owner->emptied(segment);
  }
  // Handed out, and not yet emptied with its segment, as far as it is in memory. What is kept empty is not in it: at most an eighth,
  // and one segment.
  std::size_t bytes() const { return bytes_; }
  // The same of what is elsewhere.
  std::size_t bytes_away() const { return bytes_away_; }
  // Segments that are kept empty.
  std::size_t spare() const { return spare_.size(); }

  // The oldest segment that is full and here, not busy, and that nobody has pinned; null: none.
  Segment* oldest() const {
    Segment* at = first_;
    while (at != nullptr && at->pins > 0) at = at->after;
    return at;
  }
  // Takes it out of that order; busy is set. It must not be emptied while it is busy: see on_emptied.
  void begin(Segment& segment);
  // What begin() was for is over: the bytes go, or stay and the segment is the newest.
  void detach(Segment& segment);
  void stay(Segment& segment);
  // The bytes are here again.
  void attach(Segment& segment, Memory bytes);
  // As detach(), but the bytes are the caller's from now on.
  Memory give_up(Segment& segment);
  // For attach().
  static Memory allocate(std::size_t bytes) { return Memory(static_cast<char*>(::operator new(bytes))); }
  // Says that the last piece of a segment that is elsewhere was given back.
  std::function<void(Segment&)> on_gone;
  // A busy segment whose pieces are all given back waits for this.
  void end(Segment& segment);

 private:
  void open();
  void emptied(Segment* segment);
  void list(Segment& segment);
  void unlist(Segment& segment);
  static Segment* make(Segments* owner, std::size_t bytes, bool shared);
  static void destroy(Segment* segment) { delete segment; }

  Segment* open_ = nullptr;
  std::vector<Segment*> spare_;
  Segment *first_ = nullptr, *last_ = nullptr;
  std::size_t bytes_ = 0, bytes_away_ = 0;
  std::size_t closed_ = 0;  // shared segments in use, beside the open one
};

}  // namespace weir::processors::tail_sampling
