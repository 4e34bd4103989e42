#pragma once
// Protobuf wire format: a bounds-checked reader without exceptions and a writer that works from the end of its buffer,
// so that the length of a nested message is known when its prefix is written.
#include <bit>
#include <cstring>
#include <ranges>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace weir::otlp {

enum class WireType : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, group = 3, end_group = 4, fixed32 = 5 };

// Walks the fields of one message. After next() returned true exactly one of the value calls must follow. Once a read
// fails, ok() is false and next() returns false.
class Reader {
 public:
  explicit Reader(std::string_view message) : p_(message.data()), end_(message.data() + message.size()) {}

  bool next() {
    if (p_ == end_) return false;  // also once a read failed
    start_ = p_;
    std::uint64_t tag = static_cast<unsigned char>(*p_);
    if (tag >= 0x80 || tag < 8) [[unlikely]]
      return long_tag();
    ++p_;
    field_ = static_cast<std::uint32_t>(tag >> 3);
    type_ = static_cast<WireType>(tag & 7);
    return true;
  }
  std::uint32_t field() const { return field_; }
  WireType type() const { return type_; }
  bool is(WireType type) const { return type_ == type; }
  bool ok() const { return ok_; }

  std::uint64_t varint() {
    if (p_ != end_ && static_cast<unsigned char>(*p_) < 0x80) return static_cast<unsigned char>(*p_++);
    return long_varint();
  }
  std::uint64_t fixed64() { return fixed<std::uint64_t>(); }
  std::uint32_t fixed32() { return fixed<std::uint32_t>(); }
  double real() { return std::bit_cast<double>(fixed64()); }
  std::string_view bytes() {
    std::uint64_t size = varint();
    if (size > static_cast<std::uint64_t>(end_ - p_)) return failed(), std::string_view{};
    std::string_view out(p_, size);
    p_ += size;
    return out;
  }
  // Skips the value of the current field, whatever it is. Groups are refused: OTLP never had any.
  void skip() {
    switch (type_) {
      case WireType::varint: varint(); break;
      case WireType::fixed64: fixed64(); break;
      case WireType::bytes: bytes(); break;
      case WireType::fixed32: fixed32(); break;
      default: failed();
    }
  }
  // The bytes that next() has not read yet.
  std::string_view rest() const { return {p_, static_cast<std::size_t>(end_ - p_)}; }
  // Skips that many of them.
  void pass(std::size_t bytes) { p_ += bytes; }
  // Tag and value of the field just read or skipped.
  std::string_view whole() const { return {start_, static_cast<std::size_t>(p_ - start_)}; }

 private:
  template <class T>
  T fixed() {
    if (static_cast<std::size_t>(end_ - p_) < sizeof(T)) return failed(), T{};
    T out;
    std::memcpy(&out, p_, sizeof out);  // little-endian host
    p_ += sizeof out;
    return out;
  }
  bool long_tag() {
    std::uint64_t tag = varint();
    field_ = static_cast<std::uint32_t>(tag >> 3);
    type_ = static_cast<WireType>(tag & 7);
    if (tag >> 3 == 0 || tag >> 32) failed();
    return ok_;
  }
  std::uint64_t long_varint() {
    std::uint64_t out = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      if (p_ == end_) break;
      auto c = static_cast<unsigned char>(*p_++);
      out |= std::uint64_t{c & 0x7Fu} << shift;  // the tenth byte has one bit that counts
      if (c < 0x80) return out;
    }
    failed();
    return 0;
  }
  void failed() {
    ok_ = false;
    p_ = end_;
  }

  const char* p_;
  const char* end_;
  const char* start_ = nullptr;
  std::uint32_t field_ = 0;
  WireType type_ = WireType::varint;
  bool ok_ = true;
};

constexpr std::size_t varint_size(std::uint64_t v) { return (static_cast<std::size_t>(std::bit_width(v | 1)) + 6) / 7; }
constexpr std::int64_t unzigzag(std::uint64_t v) { return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1); }
constexpr std::uint64_t zigzag(std::int64_t v) { return static_cast<std::uint64_t>(v) << 1 ^ static_cast<std::uint64_t>(v >> 63); }

// Writes fields last to first. What was written so far is view(); reuse with clear().
class Writer {
 public:
  explicit Writer(std::size_t initial = 1024) : buffer_(uninitialized(initial)), at_(initial) {}

  void clear() {
    at_ = buffer_.size();
    runs_.clear();
    referred_ = 0;
  }
  std::size_t size() const { return written() + referred_; }
  // The bytes in the buffer, without the runs given to refer().
  std::string_view view() const { return {buffer_.data() + at_, written()}; }
  // Hands the buffer over without copying. The writer is empty after it.
  Bytes finish() {
    std::size_t used = written();
    Bytes whole = Bytes::take(std::exchange(buffer_, {}));
    at_ = 0;
    return whole.slice(whole.view().substr(whole.size() - used));
  }
  // The same when refer() was used: pieces that follow each other.
  std::vector<Bytes> finish_pieces() {
    Bytes text = finish();
    std::vector<Bytes> out;
    out.reserve(2 * runs_.size() + 1);
    std::size_t at = 0;
    auto add_written = [&](std::size_t end) {
      if (at != end) out.push_back(text.slice(text.view().substr(at, end - at)));
      at = end;
    };
    for (Run& run : std::views::reverse(runs_)) {
      add_written(text.size() - run.behind);
      out.push_back(std::move(run.bytes));
    }
    add_written(text.size());
    clear();
    return out;
  }

  void raw(std::string_view text) {
    room(text.size());
    at_ -= text.size();
    if (!text.empty()) std::memcpy(buffer_.data() + at_, text.data(), text.size());
  }
  // As raw(), but the bytes are sent from where they are instead of being copied. For long runs.
  void refer(Bytes text) {
    referred_ += text.size();
    runs_.push_back({written(), std::move(text)});
  }
  void varint(std::uint64_t v) {
    std::size_t n = varint_size(v);
    room(n);
    at_ -= n;
    char* p = buffer_.data() + at_;
    for (; v >= 0x80; v >>= 7) *p++ = static_cast<char>(v | 0x80);
    *p = static_cast<char>(v);
  }
  void tag(std::uint32_t field, WireType type) { varint(std::uint64_t{field} << 3 | static_cast<std::uint64_t>(type)); }

  // Complete fields. The `put_` calls leave out the protobuf default, the others always write.
  void bytes(std::uint32_t field, std::string_view text) {
    raw(text);
    varint(text.size());
    tag(field, WireType::bytes);
  }
  void number(std::uint32_t field, std::uint64_t v) {
    varint(v);
    tag(field, WireType::varint);
  }
  void fixed64(std::uint32_t field, std::uint64_t v) {
    raw({reinterpret_cast<const char*>(&v), sizeof v});
    tag(field, WireType::fixed64);
  }
  void fixed32(std::uint32_t field, std::uint32_t v) {
    raw({reinterpret_cast<const char*>(&v), sizeof v});
    tag(field, WireType::fixed32);
  }
  void real(std::uint32_t field, double v) { fixed64(field, std::bit_cast<std::uint64_t>(v)); }
  void put_bytes(std::uint32_t field, std::string_view text) {
    if (!text.empty()) bytes(field, text);
  }
  void put_number(std::uint32_t field, std::uint64_t v) {
    if (v) number(field, v);
  }
  void put_fixed64(std::uint32_t field, std::uint64_t v) {
    if (v) fixed64(field, v);
  }
  void put_fixed32(std::uint32_t field, std::uint32_t v) {
    if (v) fixed32(field, v);
  }
  // A nested message: mark = size() before its fields are written, close(field, mark) after.
  void close(std::uint32_t field, std::size_t mark) {
    varint(size() - mark);
    tag(field, WireType::bytes);
  }

 private:
  struct Run {
    std::size_t behind;  // bytes of the buffer that follow it
    Bytes bytes;
  };
  std::size_t written() const { return buffer_.size() - at_; }
  void room(std::size_t n) {
    if (at_ < n) [[unlikely]]
      grow(n);
  }
  void grow(std::size_t n) {
    std::size_t used = written(), want = std::max(buffer_.size() * 2, used + n + 1024);
    std::string grown = uninitialized(want);
    std::memcpy(grown.data() + want - used, buffer_.data() + at_, used);
    buffer_.swap(grown);
    at_ = want - used;
  }
  static std::string uninitialized(std::size_t n) {
    std::string out;
    out.resize_and_overwrite(n, [](char*, std::size_t size) { return size; });
    return out;
  }
  std::string buffer_;
  std::size_t at_;
  std::vector<Run> runs_;
  std::size_t referred_ = 0;
};

}  // namespace weir::otlp
