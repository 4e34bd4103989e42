#include "components/processors/tail_sampling/decision_ring.h"

namespace weir::processors::tail_sampling {

DecisionRing::Decided* DecisionRing::append() {
  if (size_ == capacity_) return nullptr;
  if (chunk_ == chunks_.size()) add_chunk();
  Decided& place = chunks_[chunk_].place(hand_);
  ++size_;
  step();
  return &place;
}

DecisionRing::Decided& DecisionRing::oldest() {
  for (;;) {
    Decided& place = chunks_[chunk_].place(hand_);
    step();
    if (!place.asked) return place;
    place.asked = 0;
  }
}

void DecisionRing::step() {
  if (++hand_ < chunks_[chunk_].places) return;
  hand_ = 0;
  ++chunk_;
  if (size_ == capacity_ && chunk_ == chunks_.size()) chunk_ = 0;
}

// Small ones first, each as large as all before it, so that few decisions cost little.
void DecisionRing::add_chunk() {
  std::size_t bytes = std::clamp<std::size_t>(bytes_, 4096, Pages::huge_bytes);
  std::size_t places = std::min(bytes / sizeof(Decided), capacity_ - size_);
  chunks_.push_back({Pages(places * sizeof(Decided)), places});
  bytes_ += chunks_.back().memory.bytes();
}

}  // namespace weir::processors::tail_sampling
