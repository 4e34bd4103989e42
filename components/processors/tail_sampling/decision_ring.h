#pragma once
// Decisions that outlive their traces.
#include "base/pages.h"
#include "base/time.h"
#include "otlp/model.h"

namespace weir::processors::tail_sampling {

// Decisions of one kind in the order they were made. It grows to its capacity; then a hand goes round, and a decision that
// was asked for since the hand last came by gets another round. Places stay where they are.
class DecisionRing {
 public:
  struct Decided {
    otlp::TraceId id;
    std::uint32_t when : 31;  // in ticks
    std::uint32_t asked : 1;
  };
  static_assert(sizeof(Decided) == 20);

  explicit DecisionRing(std::size_t capacity) : capacity_(std::max<std::size_t>(1, capacity)) {}

  // In a full ring the oldest goes, after a last look: forget(oldest).
  template <class Forget>
  Decided& remember(const otlp::TraceId& id, TimePoint when, Forget forget) {
    Decided* to = append();
    if (to == nullptr) forget(*(to = &oldest()));
    *to = {id, ticks(when), 0};
    return *to;
  }
  // The one that goes after so many others have gone, if nobody asks for any. Null where that is not told at once.
  const Decided* going(std::size_t after) const {
    if (size_ < capacity_ || hand_ + after >= chunks_[chunk_].places) return nullptr;
    return &chunks_[chunk_].place(hand_ + after);
  }
  // To a tick; what was decided eight months ago is new again.
  static Duration age(const Decided& decided, TimePoint now) { return tick * ((ticks(now) - decided.when) & tick_mask); }

  std::size_t size() const { return size_; }
  std::size_t bytes() const { return bytes_; }

 private:
  static constexpr Duration tick = 10ms;
  static constexpr std::uint32_t tick_mask = 0x7FFF'FFFF;
  static std::uint32_t ticks(TimePoint when) { return static_cast<std::uint32_t>(when.time_since_epoch() / tick) & tick_mask; }

  struct Chunk {
    Pages memory;
    std::size_t places;
    Decided& place(std::size_t i) const { return reinterpret_cast<Decided*>(memory.data())[i]; }
  };
  Decided* append();  // null: full
  Decided& oldest();
  void step();
  void add_chunk();

  std::size_t capacity_, size_ = 0, bytes_ = 0;
  std::vector<Chunk> chunks_;
  std::size_t chunk_ = 0, hand_ = 0;  // where the next one goes
};

}  // namespace weir::processors::tail_sampling
