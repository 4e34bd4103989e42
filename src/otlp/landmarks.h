#pragma once
// Where in a span those things stand that stages look at: noted by the pass that checks a request, so that nobody has to
// walk through the span again to find them.
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "otlp/codec.h"

namespace weir::otlp {

// What is looked for in each span: its status, and attributes by key. One for a plan, shared by all batches that it checks.
class Sought {
 public:
  static constexpr std::size_t max_keys = 30;
  static constexpr std::size_t nowhere = ~std::size_t{0};

  bool empty() const { return !wanted_; }
  // All of these keys, and the status. Nothing when they are too many together with those that are there: who finds only some of
  // them has to walk anyway.
  void add(std::span<const std::string> keys);
  // Nothing when there is more in it than landmarks know of.
  void add(const Excerpt& excerpt);
  // False for most keys that are none of them.
  bool may_have(std::string_view key) const { return (bits_ & key_bit(key)) != 0; }
  // The place of a key, nowhere when it is none of them.
  std::size_t slot(std::string_view key) const {
    for (std::size_t i = 0; i < keys_.size(); ++i)
      if (keys_[i] == key) return i;
    return nowhere;
  }
  const std::vector<std::string>& keys() const { return keys_; }
  // The same for two that seek the same in the same order, for no others.
  std::string id() const;
  // Of one span's Landmarks, in whole words.
  std::size_t row_bytes() const { return (sizeof(std::uint16_t) * (1 + keys_.size()) + 7) & ~std::size_t{7}; }

 private:
  std::vector<std::string> keys_;
  std::uint64_t bits_ = 0;
  bool wanted_ = false;
};

// Of one span: how many of its bytes stand in front of a field; 0 for one that is not there. A span that has landmarks has
// no trace state, and all that SpanHead reads is where SpanHead looks for it.
class Landmarks {
 public:
  // Null: none were noted.
  explicit Landmarks(const char* row) : row_(row) {}
  explicit operator bool() const { return row_ != nullptr && status() != lost; }

  std::uint16_t status() const { return at(0); }
  // The first of several with this key.
  std::uint16_t attribute(std::size_t slot) const { return at(1 + slot); }

 private:
  friend class LandmarkWriter;
  static constexpr std::uint16_t lost = 0xFFFF;  // the span is in no order that SDKs use, or too long

  std::uint16_t at(std::size_t i) const {
    std::uint16_t out;
    std::memcpy(&out, row_ + i * sizeof out, sizeof out);
    return out;
  }
  const char* row_;
};

// For the pass that checks.
class LandmarkWriter {
 public:
  // `limit`: bytes that the rows may take; very short spans are not worth theirs.
  LandmarkWriter(const Sought& sought, std::size_t limit) : sought_(sought), row_bytes_(sought.row_bytes()), limit_(limit) {}

  // False when there is no room for this span: then nothing is noted of the whole request.
  bool begin(const char* span) {
    if (end_ + row_bytes_ > rows_.size() && !grow()) return false;
    span_ = span;
    row_ = rows_.data() + end_;
    end_ += row_bytes_;
    return true;
  }
  // An attribute: where its field begins.
  [[gnu::always_inline]] void attribute(const char* field, std::string_view key) {
    if (sought_.may_have(key)) place(field, key);
  }
  // Any field that stands behind those in front of the attributes.
  void field(std::uint32_t number, const char* field);
  // The span has fields elsewhere than SpanHead looks for them.
  void disorder() { put(0, Landmarks::lost); }

  // The rows of all spans, one behind the other; none when there was no room for all.
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

// The way to an excerpt by landmarks.
struct Guide {
  bool leads_there = false;  // otherwise more is asked for than landmarks know of
  bool head = false, status = false;
  std::vector<std::size_t> slots;

  static Guide to(const Excerpt& excerpt, const Sought& sought);
};
// True when something beside attributes was taken, as decode() of an excerpt says it.
bool decode(std::string_view span, Landmarks landmarks, const Guide& guide, Arena& arena, Span& out);

}  // namespace weir::otlp
