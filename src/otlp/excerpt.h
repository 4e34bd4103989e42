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
    arena_.reset();
    if (std::exchange(item_.dirty, false)) written_ = Written::anything;  // by who looked at it
    decode_into_message(item, excerpt);
    item_.raw = item.raw;
    item_.message = &message_;
    item_.points = item.points;
    return item_;
  }

 private:
  // Beside attributes. Clearing a whole message, which is large, costs as much as decoding a small excerpt.
  enum class Written : std::uint8_t { nothing, head_and_status, anything };

  void decode_into_message(const Item& item, const Excerpt& excerpt) {
    if constexpr (std::is_same_v<T, Span>)
      if (Landmarks landmarks(item.landmarks); sought_ && landmarks)
        if (const Guide& guide = guide_to(excerpt); guide.covers_span(landmarks)) return decode_at(landmarks, guide, item.raw, excerpt);
    if (std::exchange(written_, Written::nothing) != Written::nothing) message_ = T{};
    make_room_for_attributes(excerpt);
    if (decode(item.raw, arena_, message_, excerpt)) written_ = Written::anything;
  }
  // All fields of the head are overwritten, if any is.
  void decode_at(Landmarks landmarks, const Guide& guide, std::string_view raw, const Excerpt& excerpt)
    requires std::is_same_v<T, Span>
  {
    if (written_ == Written::anything || (written_ == Written::head_and_status && !guide.head)) message_ = T{};
    else if (written_ == Written::head_and_status) message_.status_code = 0, message_.status_message = {};
    make_room_for_attributes(excerpt);
    written_ = decode(raw, landmarks, guide, arena_, message_) ? Written::head_and_status : Written::nothing;
  }
  // Also for what may be set.
  void make_room_for_attributes(const Excerpt& excerpt) {
    if constexpr (requires { message_.attributes; }) {
      message_.attributes = {};
      message_.attributes.reserve(arena_, excerpt.keys.keys().size());
    }
  }
  const Guide& guide_to(const Excerpt& excerpt) {
    for (auto& [known, guide] : guides_)
      if (known == &excerpt) return guide;
    return guides_.emplace_back(&excerpt, Guide::to(excerpt, *sought_)).second;
  }

  Arena arena_;
  T message_;
  Written written_ = Written::nothing;
  Item item_;
  std::shared_ptr<const Sought> sought_;
  std::vector<std::pair<const Excerpt*, Guide>> guides_;  // a stage has few excerpts
};

}  // namespace weir::otlp
