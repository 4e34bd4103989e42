#pragma once
// How far a partition is settled.
#include <cstdint>
#include <deque>
#include <optional>

namespace weir::receivers::kafka {

// Messages are read in order and settled in any; the offset to commit is the first that is not settled.
class Offsets {
 public:
  // Offsets may have gaps: compaction and transactions leave some.
  void read(std::int64_t offset) { open_.push_back({offset, false}); }
  // The offset to commit, if it moved.
  std::optional<std::int64_t> settle(std::int64_t offset);
  bool all_settled() const { return open_.empty(); }
  std::size_t open() const { return open_.size(); }

 private:
  struct Message {
    std::int64_t offset;
    bool settled;
  };
  std::deque<Message> open_;
};

}  // namespace weir::receivers::kafka
