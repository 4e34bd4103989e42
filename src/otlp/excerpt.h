#pragma once
// Decodes what a stage reads of an item, for as long as it looks at it.
#include "otlp/batch.h"
#include "otlp/landmarks.h"

namespace weir::otlp {

// T: the type of the items. One message and one arena are used for all items: a call of look() overwrites the result of the one before.
template <class T>
class ExcerptReader {
 public:
  // Call it before the items of each batch, with Batch::sought().
  void use(const std::shared_ptr<const Sought>& sought) {
    if (sought == sought_) return;
    sought_ = sought;
    guides_.clear();
  }
  // Returns the item itself when it is decoded already, otherwise an item with the decoded excerpt. `excerpt` must keep its address and
  // value after the first call. Changes to an excerpt are lost unless Edits writes them to the item.
  Item& look(Item& item, const Excerpt& excerpt) {
    if (item.message != nullptr) return item;
    clear();
    has_fields_ = decode_into_message(item, excerpt);
    item_.raw = item.raw;
    item_.message = &message_;
    item_.points = item.points;
    return item_;
  }

 private:
  bool decode_into_message(const Item& item, const Excerpt& excerpt) {
    // Room for what may be set, too.
    if constexpr (requires { message_.attributes; }) message_.attributes.reserve(arena_, excerpt.keys.keys().size());
    if constexpr (std::is_same_v<T, Span>)
      if (Landmarks landmarks(item.landmarks); sought_ && landmarks)
        if (const Guide& guide = guide_to(excerpt); guide.covers_span(landmarks)) return decode(item.raw, landmarks, guide, arena_, message_);
    return decode(item.raw, arena_, message_, excerpt);
  }
  const Guide& guide_to(const Excerpt& excerpt) {
    for (auto& [known, guide] : guides_)
      if (known == &excerpt) return guide;
    return guides_.emplace_back(&excerpt, Guide::to(excerpt, *sought_)).second;
  }

  // Clears only what was written: messages are large.
  void clear() {
    arena_.reset();
    if (has_fields_ || std::exchange(item_.dirty, false)) message_ = T{};
    if constexpr (requires { message_.attributes; }) message_.attributes = {};
  }

  Arena arena_;
  T message_;
  bool has_fields_ = false;
  Item item_;
  std::shared_ptr<const Sought> sought_;
  std::vector<std::pair<const Excerpt*, Guide>> guides_;  // a stage has few excerpts
};

}  // namespace weir::otlp
