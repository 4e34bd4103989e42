#pragma once
// Changes to a span or log record that are written into a copy of its bytes: what was not changed is copied in runs and is
// neither decoded nor encoded.
#include <vector>

#include "otlp/batch.h"

namespace weir::otlp {

// Collects the changes to one item. Filled by who changes an excerpt of the item, in the order of the changes. One core.
class Edits {
 public:
  // Longer items are decoded and marked as changed instead, so that their texts are not copied once more.
  static constexpr std::size_t longest_copied = 16 * 1024;

  bool empty() const { return fields_ == 0 && changes_.empty() && !all_attributes_; }
  void clear();

  // These fields (Excerpt::field) have other values in the message that apply() is given. For fields that stand once in a message.
  void set_fields(std::uint32_t fields) { fields_ |= fields; }
  // As Attributes::set() and remove(). Keys and values must stay until apply().
  void set(std::string_view key, const Value& value) { changes_.push_back({key, value}); }
  void remove(std::string_view key) { changes_.push_back({key, std::nullopt}); }
  // The attributes of the message that apply() is given are the new ones, all of them. What is as it was decoded is not encoded.
  void set_attributes() { all_attributes_ = true; }

  // Makes the changes and forgets them. `item`, which nobody changed otherwise, has then bytes of its own in `arena`. Encoded, it is what it
  // would be if it had been decoded and the changes made there. T: Span or LogRecord.
  template <class T>
  void apply(const T& message, Item& item, Arena& arena);

 private:
  struct Change {
    std::string_view key;
    std::optional<Value> value;  // none: the attribute goes
  };
  // A part of the new bytes: a run of the old ones, or bytes that fresh_ has. An attribute is a whole field.
  struct Piece {
    const char* old = nullptr;  // null: the `size` bytes that fresh_ wrote last when it had `fresh_end` bytes
    std::uint32_t size = 0, fresh_end = 0;
  };

  bool touches_attributes() const { return all_attributes_ || !changes_.empty(); }
  template <class T>
  void split(const T& message, std::string_view raw);
  std::string_view split_head(const Span& span, std::string_view raw, std::uint32_t& unwritten);
  template <class T>
  void change_attributes(const T& message);
  template <class T>
  void apply_decoded(const T& message, Item& item, Arena& arena) const;
  std::size_t find_unchanged(const KeyValue& attribute, std::size_t next, std::uint32_t tag) const;
  Piece fresh_since(std::size_t mark) const {
    return {nullptr, static_cast<std::uint32_t>(fresh_.size() - mark), static_cast<std::uint32_t>(fresh_.size())};
  }
  static Piece old_piece(std::string_view bytes) { return {bytes.data(), static_cast<std::uint32_t>(bytes.size())}; }
  const char* data(const Piece& piece) const { return piece.old != nullptr ? piece.old : fresh_.view().data() + fresh_.size() - piece.fresh_end; }
  std::string_view key_of(const Piece& attribute, std::uint32_t tag) const;
  Piece encoded(const KeyValue& attribute, std::uint32_t field);
  void append(std::string_view run);
  void join(Item& item, Arena& arena);

  std::uint32_t fields_ = 0;
  std::vector<Change> changes_;
  bool all_attributes_ = false;
  // While apply() runs; kept for their memory.
  std::vector<Piece> attributes_, old_attributes_, pieces_;
  std::size_t attributes_at_ = 0;  // in front of this piece
  bool attributes_placed_ = false;
  Writer fresh_;
};

}  // namespace weir::otlp
