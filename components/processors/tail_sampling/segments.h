#pragma once
// Memory for what lives about equally long.
#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace weir::processors::tail_sampling {

// Hands out pieces one behind the other from large segments. A segment is used again once all pieces in it were given
// back; so what came together goes together, without a free list, and reads in the order of arrival run through memory.
// One thread. All pieces must be given back before it ends.
class Segments {
 public:
  static constexpr std::size_t segment_bytes = 128 * 1024;
  // A piece of more gets a segment of its own.
  static constexpr std::size_t largest_shared = segment_bytes / 8;
  static constexpr std::size_t alignment = 8;

  struct Segment {
    Segments* owner;
    std::size_t size;      // of the bytes behind this header
    bool shared;           // by many pieces, or made for one
    std::size_t used = 0;  // handed out, from the front
    std::size_t pieces = 0;  // not given back
    char* data() { return reinterpret_cast<char*>(this + 1); }
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
  // Handed out, and not yet emptied with its segment. What is kept empty is not in it: at most an eighth, and one segment.
  std::size_t bytes() const { return bytes_; }
  // Segments that are kept empty.
  std::size_t spare() const { return spare_.size(); }

 private:
  void open();
  void emptied(Segment* segment);
  static Segment* make(Segments* owner, std::size_t bytes, bool shared);
  static void destroy(Segment* segment) { ::operator delete(segment); }

  Segment* open_ = nullptr;
  std::vector<Segment*> spare_;
  std::size_t bytes_ = 0;
  std::size_t closed_ = 0;  // shared segments in use, beside the open one
};

}  // namespace weir::processors::tail_sampling
