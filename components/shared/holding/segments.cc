#include "components/shared/holding/segments.h"

#include <algorithm>

#include "base/pages.h"
#include "base/prefetch.h"

namespace weir::holding {
namespace {

// A segment that was not touched for seconds is in no cache: what is written next is brought there this far ahead.
constexpr std::size_t look_ahead = 2048;

void bring_near(const char* from, const char* to) {
  for (; from < to; from += 64) prefetch(from);
}

}  // namespace

Segments::~Segments() {
  if (open_) destroy(open_);
  for (Segment* segment : spare_) destroy(segment);
}

Segments::Segment* Segments::make(Segments* owner, std::size_t bytes, bool shared) {
  auto* made = new Segment{.owner = owner, .size = bytes, .shared = shared};
  made->bytes = allocate(bytes);
  if (shared) populate(made->data(), bytes);
  return made;
}

Segments::Piece Segments::take(std::size_t bytes) {
  bytes = (bytes + alignment - 1) / alignment * alignment;
  Segment* segment = open_;
  if (bytes > largest_shared) {
    segment = make(this, bytes, false);
  } else if (segment == nullptr || segment->size - segment->used < bytes) {
    open();
    segment = open_;
  }
  char* at = segment->data() + segment->used;
  segment->used += bytes;
  if (segment->shared) bring_near(at + look_ahead, std::min(at + look_ahead + bytes, segment->data() + segment->size));
  ++segment->pieces;
  bytes_ += bytes;
  return {at, segment};
}

void Segments::open() {
  if (open_) {
    bytes_ += open_->size - open_->used;
    open_->used = open_->size;
    ++closed_;
  }
  if (spare_.empty()) {
    open_ = make(this, segment_bytes, true);
  } else {
    open_ = spare_.back();
    spare_.pop_back();
  }
}

Segments::Segment& Segments::adopt(Record record) {
  std::size_t size = record.payload.size();
  auto* made = new Segment{.owner = this, .size = size, .shared = false, .used = size, .pieces = 1, .record = std::move(record)};
  bytes_ += size;
  list(*made);
  return *made;
}

void Segments::emptied(Segment* segment) {
  (segment->here() ? bytes_ : bytes_away_) -= std::exchange(segment->used, 0);
  if (segment == open_) return;
  if (segment->listed) unlist(*segment);
  if (!segment->shared) return destroy(segment);
  --closed_;
  spare_.push_back(segment);
  while (spare_.size() > closed_ / 8 + 1) {
    destroy(spare_.back());
    spare_.pop_back();
  }
}

void Segments::list(Segment& segment) {
  segment.listed = true;
  segment.before = last_;
  segment.after = nullptr;
  (last_ ? last_->after : first_) = &segment;
  last_ = &segment;
}

void Segments::unlist(Segment& segment) {
  (segment.before ? segment.before->after : first_) = segment.after;
  (segment.after ? segment.after->before : last_) = segment.before;
  segment.before = segment.after = nullptr;
  segment.listed = false;
}

void Segments::detach(Segment& segment) {
  unlist(segment);
  segment.record.payload = {};
  bytes_ -= segment.used;
  bytes_away_ += segment.used;
}

}  // namespace weir::holding
