#include "net/inflow_lz.h"

namespace weir::net {
namespace {

std::string_view take_front(std::string_view& in, std::uint64_t most) {
  std::string_view part = in.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(most, in.size())));
  in.remove_prefix(part.size());
  return part;
}

unsigned char take_byte(std::string_view& in) {
  auto byte = static_cast<unsigned char>(in.front());
  in.remove_prefix(1);
  return byte;
}

}  // namespace

bool LzInflow::take(std::string_view in, const LzWindow::Sink& out) {
  while (!damaged_ && !in.empty()) damaged_ = !step(in, out);
  window_.flush(out);
  return !damaged_;
}

// ---- snappy -------------------------------------------------------------------------------------------------------

bool SnappyBlock::take_size(std::string_view& in) {
  unsigned char byte = take_byte(in);
  left_ |= std::uint64_t{byte & 0x7Fu} << shift_;
  shift_ += 7;
  if (byte >= 0x80) return shift_ < 35;
  state_ = State::tag;
  return left_ <= most_;
}

bool SnappyBlock::claim(std::uint64_t length) {
  if (length > left_) return false;
  left_ -= length;
  return true;
}

bool SnappyBlock::begin_literal(std::uint64_t length) {
  length_ = length;
  state_ = State::literal;
  return claim(length);
}

bool SnappyBlock::take_tag(unsigned char tag) {
  constexpr unsigned short_literals = 60;
  unsigned upper = tag >> 2;
  if ((tag & 3) == 0) {
    if (upper < short_literals) return begin_literal(upper + 1);
    number_.expect(upper - short_literals + 1);
    state_ = State::literal_size;
    return true;
  }
  state_ = State::copy;
  bool near = (tag & 3) == 1;
  length_ = near ? 4 + (upper & 7) : upper + 1;
  far_ = near ? std::size_t{upper >> 3} << 8 : 0;
  number_.expect(near ? 1 : (tag & 3) == 2 ? 2 : 4);
  return claim(length_);
}

bool SnappyBlock::take(std::string_view in, LzWindow& window, const LzWindow::Sink& out) {
  while (!in.empty()) {
    switch (state_) {
      case State::size:
        if (!take_size(in)) return false;
        break;
      case State::tag:
        if (!take_tag(take_byte(in))) return false;
        break;
      case State::literal_size:
        if (!number_.take(in)) return true;
        if (!begin_literal(number_.value() + 1)) return false;
        break;
      case State::literal: {
        std::string_view part = take_front(in, length_);
        window.literal(part, out);
        length_ -= part.size();
        if (length_ == 0) state_ = State::tag;
        break;
      }
      case State::copy:
        if (!number_.take(in)) return true;
        if (!window.copy(far_ | static_cast<std::size_t>(number_.value()), static_cast<std::size_t>(length_), out)) return false;
        state_ = State::tag;
    }
  }
  return true;
}

// The framed form begins with a chunk that no block begins with, as far as anybody has met one.
bool Unsnappy::take_start(std::string_view& in, const LzWindow::Sink& out) {
  constexpr std::string_view magic("\xff\x06\x00\x00sNaPpY", 10);
  while (!in.empty() && start_size_ < magic.size()) {
    start_[start_size_++] = static_cast<char>(take_byte(in));
    std::string_view seen(start_.data(), start_size_);
    if (magic.starts_with(seen)) continue;
    state_ = State::block;
    return block_.take(seen, window_, out);
  }
  if (start_size_ == magic.size()) state_ = State::chunk_head, number_.expect(4);
  return true;
}

bool Unsnappy::begin_chunk() {
  kind_ = static_cast<std::uint8_t>(number_.value());
  left_ = static_cast<std::size_t>(number_.value() >> 8);
  constexpr std::uint8_t first_that_may_be_skipped = 0x80;
  if (kind_ <= 1) {
    number_.expect(4);
    state_ = State::checksum;
    if (left_ < 4) return false;
    left_ -= 4;
    return true;
  }
  state_ = State::skipped;
  return kind_ >= first_that_may_be_skipped;
}

bool Unsnappy::take_chunk(std::string_view part, const LzWindow::Sink& out) {
  left_ -= part.size();
  if (state_ == State::compressed && !block_.take(part, window_, out)) return false;
  if (state_ == State::plain) window_.literal(part, out);
  return true;
}

bool Unsnappy::step(std::string_view& in, const LzWindow::Sink& out) {
  constexpr std::size_t most = 64 * 1024;
  switch (state_) {
    case State::start: return take_start(in, out);
    case State::block: return block_.take(take_front(in, in.size()), window_, out);
    case State::chunk_head:
      if (!number_.take(in)) return true;
      if (!begin_chunk()) return false;
      break;
    case State::checksum:
      if (!number_.take(in)) return true;
      state_ = kind_ == 0 ? State::compressed : State::plain;
      window_.restart(out);
      block_ = SnappyBlock(most);
      if (state_ == State::plain && left_ > most) return false;
      break;
    default:
      if (!take_chunk(take_front(in, left_), out)) return false;
  }
  if (left_ == 0 && state_ != State::checksum) state_ = State::chunk_head, number_.expect(4);
  return true;
}

// ---- lz4 ----------------------------------------------------------------------------------------------------------

void Unlz4::skip(std::uint64_t size, State then) {
  left_ = size;
  then_ = then;
  if (size > 0) state_ = State::skip;
  else expect(then, 4);
}

bool Unlz4::begin_frame(std::uint64_t magic) {
  if ((magic & 0xFFFFFFF0) == 0x184D2A50) return expect(State::skip_size, 4), true;
  expect(State::head, 2);
  return magic == 0x184D2204;
}

// Flags, and the size of blocks.
bool Unlz4::take_head(std::uint64_t head) {
  flags_ = static_cast<unsigned>(head & 0xFF);
  unsigned size = static_cast<unsigned>(head >> 12 & 7);
  if (flags_ >> 6 != 1 || size < 4) return false;
  block_bytes_ = std::uint64_t{1} << (8 + 2 * size);
  unsigned content_size = flags_ & 8 ? 8 : 0, dictionary = flags_ & 1 ? 4 : 0, checksum = 1;
  skip(content_size + dictionary + checksum, State::block_size);
  return true;
}

bool Unlz4::begin_block(std::uint64_t size, const LzWindow::Sink& out) {
  if (size == 0) return skip(flags_ & 4 ? 4 : 0, State::magic), true;
  bool plain = size >> 31 != 0;
  left_ = size & 0x7FFFFFFF;
  to_make_ = block_bytes_;
  if (flags_ & 0x20) window_.restart(out);
  state_ = plain ? State::plain : State::token;
  if (left_ == 0) end_block();
  return left_ <= block_bytes_;
}

bool Unlz4::step(std::string_view& in, const LzWindow::Sink& out) {
  switch (state_) {
    case State::magic: return !number_.take(in) || begin_frame(number_.value());
    case State::skip_size:
      if (number_.take(in)) skip(number_.value(), State::magic);
      return true;
    case State::skip:
      left_ -= take_front(in, left_).size();
      if (left_ == 0) expect(then_, 4);
      return true;
    case State::head: return !number_.take(in) || take_head(number_.value());
    case State::block_size: return !number_.take(in) || begin_block(number_.value(), out);
    case State::plain: {
      std::string_view part = take_front(in, left_);
      window_.literal(part, out);
      left_ -= part.size();
      if (left_ == 0) end_block();
      return true;
    }
    default: return step_block(in, out);
  }
}

bool Unlz4::step_block(std::string_view& in, const LzWindow::Sink& out) {
  std::string_view part = in.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size())));
  std::size_t before = part.size();
  if (!step_sequence(part, out)) return false;
  in.remove_prefix(before - part.size());
  left_ -= before - part.size();
  if (left_ > 0) return true;
  // A block ends with literals: where a distance would stand, of which nothing has come.
  if (state_ != State::distance || number_.begun()) return false;
  end_block();
  return true;
}

void Unlz4::begin_literal() {
  if (length_ > 0) state_ = State::literal;
  else expect(State::distance, 2);
}

bool Unlz4::copy(const LzWindow::Sink& out) {
  state_ = State::token;
  if (length_ > to_make_) return false;
  to_make_ -= length_;
  return window_.copy(distance_, static_cast<std::size_t>(length_), out);
}

bool Unlz4::step_sequence(std::string_view& part, const LzWindow::Sink& out) {
  constexpr unsigned more = 15, least_copy = 4;
  switch (state_) {
    case State::token:
      token_ = take_byte(part);
      length_ = token_ >> 4;
      if (length_ == more) state_ = State::literal_size;
      else begin_literal();
      return true;
    case State::literal_size: {
      unsigned char byte = take_byte(part);
      length_ += byte;
      if (byte != 255) begin_literal();
      return true;
    }
    case State::literal: {
      std::string_view literal = take_front(part, length_);
      if (literal.size() > to_make_) return false;
      window_.literal(literal, out);
      to_make_ -= literal.size();
      length_ -= literal.size();
      if (length_ == 0) expect(State::distance, 2);
      return true;
    }
    case State::distance:
      if (!number_.take(part)) return true;
      distance_ = static_cast<std::size_t>(number_.value());
      length_ = least_copy + (token_ & more);
      if ((token_ & more) != more) return copy(out);
      state_ = State::copy_size;
      return true;
    case State::copy_size: {
      unsigned char byte = take_byte(part);
      length_ += byte;
      return byte == 255 || copy(out);
    }
    default: return false;
  }
}

}  // namespace weir::net
