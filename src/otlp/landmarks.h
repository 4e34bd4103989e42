#pragma once
// Offsets of the fields and attributes of a span that stages read. The pass that checks a request records them, so that no
// stage has to walk through the span again to find them.
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "otlp/codec.h"

namespace weir::otlp {

// What is looked for in each span: its status, whether it has events or links, and attributes by key. One for a plan, shared by all batches that it checks.
class Sought {
 public:
  static constexpr std::size_t max_keys = 30;
  static constexpr std::size_t nowhere = ~std::size_t{0};

  bool empty() const { return !wanted_; }
  // Adds these keys. Adds none if there would then be more than max_keys: who finds only some of its keys has to walk through the
  // span anyway.
  void add(std::span<const std::string> keys);
  // Adds the keys of an excerpt, unless it has fields for which there are no landmarks.
  void add(const Excerpt& excerpt);
  // A quick test: false for most keys that are not in it.
  bool may_have(std::string_view key) const { return (bits_ & key_bit(key)) != 0; }
  // The position of a key, or nowhere.
  std::size_t slot(std::string_view key) const {
    for (std::size_t i = 0; i < keys_.size(); ++i)
      if (keys_[i] == key) return i;
    return nowhere;
  }
  const std::vector<std::string>& keys() const { return keys_; }
  // Equal only for equal keys in the same order.
  std::string id() const;
  // Size of one span's landmarks, a multiple of 8.
  std::size_t row_bytes() const { return (sizeof(std::uint16_t) * (2 + keys_.size()) + 7) & ~std::size_t{7}; }

 private:
  std::vector<std::string> keys_;
  std::uint64_t bits_ = 0;
  bool wanted_ = false;
};

// Offsets of one span's fields from its first byte; 0 when the field is not there. A span with landmarks has no trace state, and its
// first fields are in the form and order that SpanHead reads.
class Landmarks {
 public:
  // Null: no offsets were recorded.
  explicit Landmarks(const char* row) : row_(row) {}
  explicit operator bool() const { return row_ != nullptr && status() != lost; }

  std::uint16_t status() const { return at(0); }
  // The first event or link.
  std::uint16_t child() const { return at(1); }
  // The first of several with this key.
  std::uint16_t attribute(std::size_t slot) const { return at(2 + slot); }

 private:
  friend class LandmarkWriter;
  static constexpr std::uint16_t lost = 0xFFFF;  // as status: the span has no landmarks, its order is unusual or it is too long

  std::uint16_t at(std::size_t i) const {
    std::uint16_t out;
    std::memcpy(&out, row_ + i * sizeof out, sizeof out);
    return out;
  }
  const char* row_;
};

// Records landmarks while a request is checked.
class LandmarkWriter {
 public:
  // `limit`: bytes that all rows may take. Many very short spans would exceed it; they get no landmarks.
  LandmarkWriter(const Sought& sought, std::size_t limit) : sought_(sought), row_bytes_(sought.row_bytes()), limit_(limit) {}

  // Starts the row of a span. False when there is no room: then the whole request gets no landmarks.
  bool begin(const char* span) {
    if (end_ + row_bytes_ > rows_.size() && !grow()) return false;
    span_ = span;
    row_ = rows_.data() + end_;
    end_ += row_bytes_;
    return true;
  }
  // `field`: where the attribute's field begins.
  [[gnu::always_inline]] void attribute(const char* field, std::string_view key) {
    if (sought_.may_have(key)) place(field, key);
  }
  // Any field but an attribute that SpanHead has not read.
  void field(std::uint32_t number, const char* field);
  // The span has fields elsewhere than SpanHead expects them, so it gets no landmarks.
  void has_unusual_order() { put(0, Landmarks::lost); }

  // The rows of all spans, one after the other; empty when there was no room for all.
  std::string finish() const { return std::string(rows_, 0, end_); }

 private:
  void place(const char* field, std::string_view key);
  void note(std::size_t i, const char* field);
  void put(std::size_t i, std::uint16_t value) { std::memcpy(row_ + i * sizeof value, &value, sizeof value); }
  bool grow();

  const Sought& sought_;
  const std::size_t row_bytes_;
  std::size_t limit_;
  std::string rows_;     // zeros from end_ on
  std::size_t end_ = 0;
  char* row_ = nullptr;  // the current span's
  const char* span_ = nullptr;
};

// How to read an excerpt with the help of landmarks.
struct Guide {
  bool covers = false;  // false: the excerpt has more than landmarks can find
  bool head = false, status = false;
  bool children = false;  // only for spans that have none
  std::vector<std::size_t> slots;

  static Guide to(const Excerpt& excerpt, const Sought& sought);
  bool covers_span(Landmarks span) const { return covers && (!children || span.child() == 0); }
};
// True when it decoded something beside attributes.
bool decode(std::string_view span, Landmarks landmarks, const Guide& guide, Arena& arena, Span& out);

}  // namespace weir::otlp
