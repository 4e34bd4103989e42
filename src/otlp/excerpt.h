#pragma once
// Looks at items without keeping what was decoded of them.
#include "otlp/batch.h"
#include "otlp/landmarks.h"

namespace weir::otlp {

// What it decodes lies in a place that the next call uses again. T: what the items are.
template <class T>
class ExcerptReader {
 public:
  // Before the items of a batch, which may know where things stand.
  void use(const std::shared_ptr<const Sought>& sought) {
    if (sought == sought_) return;
    sought_ = sought;
    guides_.clear();
  }
  // The item itself when it is decoded already, otherwise one that has as much of it as is asked for. `excerpt` stays as it
  // is and where it is from the first look on.
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
    if constexpr (std::is_same_v<T, Span>)
      if (Landmarks landmarks(item.landmarks); sought_ && landmarks)
        if (const Guide& guide = guide_to(excerpt); guide.leads_there) return decode(item.raw, landmarks, guide, arena_, message_);
    return decode(item.raw, arena_, message_, excerpt);
  }
  const Guide& guide_to(const Excerpt& excerpt) {
    for (auto& [known, guide] : guides_)
      if (known == &excerpt) return guide;
    return guides_.emplace_back(&excerpt, Guide::to(excerpt, *sought_)).second;
  }

  // Only what was written: messages are large.
  void clear() {
    arena_.reset();
    if (has_fields_) message_ = T{};
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
