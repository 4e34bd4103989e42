#pragma once
// Counts the items of a request that is not kept, as its bytes come.
#include <array>
#include <string_view>

#include "otlp/model.h"

namespace weir::otlp {

// In a few hundred bytes of memory, whatever the request. What is no request counts as far as it looked like one.
class ItemCounter {
 public:
  enum class Encoding : std::uint8_t { protobuf, json };
  ItemCounter(Signal signal, Encoding encoding) : signal_(signal), encoding_(encoding) {}

  // The next part of the request.
  void take(std::string_view bytes) { encoding_ == Encoding::json ? take_json(bytes) : take_protobuf(bytes); }
  // Spans, data points, log records, profiles so far.
  std::size_t items() const { return items_; }

 private:
  // Messages on the way to the items: request, resource, scope, metric, its data.
  static constexpr std::size_t max_depth = 5;
  enum class State : std::uint8_t { tag, varint, length, skip, damaged };

  void take_protobuf(std::string_view bytes);
  void take_json(std::string_view bytes);
  void take_varint_byte(unsigned char byte);
  void on_tag(std::uint64_t tag);
  void on_length(std::uint64_t length);
  bool counts() const;
  bool descends() const;
  void leave_messages();
  bool opens_items() const;

  Signal signal_;
  Encoding encoding_;
  std::size_t items_ = 0;

  // Protobuf.
  State state_ = State::tag;
  std::uint64_t at_ = 0;                         // bytes seen
  std::array<std::uint64_t, max_depth> ends_{};  // of the open messages; the request has none
  std::size_t depth_ = 0;
  std::uint64_t field_ = 0, number_ = 0, skip_ = 0;
  unsigned shift_ = 0;

  // JSON.
  std::array<char, 12> text_{};  // the start of the last string
  std::size_t text_size_ = 0;
  bool in_text_ = false, escaped_ = false, after_colon_ = false;
  std::size_t level_ = 0, items_level_ = 0;  // brackets open; with the innermost list of items, 0: none
};

}  // namespace weir::otlp
