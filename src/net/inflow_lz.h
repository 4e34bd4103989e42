#pragma once
// snappy and lz4 in parts, in fixed memory. Checksums are not looked at: what comes out is counted, not kept.
#include <array>
#include <cstdint>

#include "net/inflow.h"
#include "net/lz_window.h"

namespace weir::net {

// A number of a few bytes, the least first, that comes in parts.
class LittleEndian {
 public:
  void expect(std::size_t bytes) { wanted_ = bytes, seen_ = 0, value_ = 0; }
  // Takes its bytes from the front of `in`; true when it is complete.
  bool take(std::string_view& in) {
    for (; seen_ < wanted_ && !in.empty(); in.remove_prefix(1)) value_ |= std::uint64_t{static_cast<unsigned char>(in.front())} << (8 * seen_++);
    return seen_ == wanted_;
  }
  std::uint64_t value() const { return value_; }
  bool begun() const { return seen_ > 0; }

 private:
  std::size_t wanted_ = 0, seen_ = 0;
  std::uint64_t value_ = 0;
};

// One block of snappy: its size, then literals and copies.
class SnappyBlock {
 public:
  // `most`: bytes that it may have once it is taken apart.
  explicit SnappyBlock(std::uint64_t most = UINT32_MAX) : most_(most) {}
  bool take(std::string_view in, LzWindow& window, const LzWindow::Sink& out);

 private:
  enum class State : std::uint8_t { size, tag, literal_size, literal, copy };
  bool take_size(std::string_view& in);
  bool take_tag(unsigned char tag);
  bool begin_literal(std::uint64_t length);
  bool claim(std::uint64_t length);

  State state_ = State::size;
  std::uint64_t most_, left_ = 0;  // of what comes out
  unsigned shift_ = 0;
  std::uint64_t length_ = 0;    // of a literal or copy
  std::size_t far_ = 0;         // the part of a copy's distance that stands in its tag
  LittleEndian number_;
};

// What both formats have in common.
class LzInflow : public Inflow {
 public:
  static constexpr std::size_t bytes = LzWindow::bytes;
  bool take(std::string_view in, const LzWindow::Sink& out) final;

 protected:
  LzWindow window_;

 private:
  // Takes something from the front of `in`, which is not empty; false when that is damaged.
  virtual bool step(std::string_view& in, const LzWindow::Sink& out) = 0;

  bool damaged_ = false;
};

// A single block, or the framed form, whichever it is.
class Unsnappy : public LzInflow {
 private:
  enum class State : std::uint8_t { start, block, chunk_head, checksum, compressed, plain, skipped };
  bool step(std::string_view& in, const LzWindow::Sink& out) override;
  bool take_start(std::string_view& in, const LzWindow::Sink& out);
  bool begin_chunk();
  bool take_chunk(std::string_view part, const LzWindow::Sink& out);

  State state_ = State::start;
  std::array<char, 10> start_{};
  std::size_t start_size_ = 0;
  LittleEndian number_;
  std::uint8_t kind_ = 0;
  std::size_t left_ = 0;  // of the chunk
  SnappyBlock block_;
};

// Frames, one behind the other.
class Unlz4 : public LzInflow {
 public:
  Unlz4() { number_.expect(4); }

 private:
  enum class State : std::uint8_t { magic, skip_size, skip, head, block_size, plain, token, literal_size, literal, distance, copy_size };
  bool step(std::string_view& in, const LzWindow::Sink& out) override;
  bool begin_frame(std::uint64_t magic);
  bool take_head(std::uint64_t head);
  bool begin_block(std::uint64_t size, const LzWindow::Sink& out);
  bool step_block(std::string_view& in, const LzWindow::Sink& out);
  bool step_sequence(std::string_view& part, const LzWindow::Sink& out);
  void begin_literal();
  bool copy(const LzWindow::Sink& out);
  void end_block() { skip(flags_ & 0x10 ? 4 : 0, State::block_size); }
  void skip(std::uint64_t size, State then);
  void expect(State state, std::size_t size) { state_ = state, number_.expect(size); }

  State state_ = State::magic, then_ = State::magic;
  LittleEndian number_;
  unsigned flags_ = 0, token_ = 0;
  std::uint64_t block_bytes_ = 0;        // that a block may have once it is taken apart
  std::uint64_t left_ = 0, to_make_ = 0; // of the block, or of what is skipped; of block_bytes_
  std::uint64_t length_ = 0;             // of a literal or copy
  std::size_t distance_ = 0;
};

}  // namespace weir::net
