#pragma once
// Writes Thrift for tests, in either protocol.
#include <bit>
#include <string>
#include <vector>

#include "components/shared/thrift/thrift.h"

namespace weir::thrift::testing {

class Writer {
 public:
  explicit Writer(Protocol protocol) : compact_(protocol == Protocol::compact) {}

  Writer& message(std::string_view name) {
    if (compact_) {
      out_ += "\x82\x81", varint(7), text(name);
    } else {
      big_endian(0x80010004, 4), text(name), big_endian(7, 4);
    }
    return *this;
  }
  // Fields of one struct in any order; end() closes it.
  Writer& begin() {
    ids_.push_back(0);
    return *this;
  }
  Writer& end() {
    out_ += '\0';
    ids_.pop_back();
    return *this;
  }
  Writer& integer(int id, std::int64_t value, Type type = Type::i64) {
    head(id, type);
    number(value, type);
    return *this;
  }
  Writer& boolean(int id, bool value) {
    if (compact_) head(id, Type::boolean, value ? 1 : 2);
    else head(id, Type::boolean), out_ += static_cast<char>(value);
    return *this;
  }
  Writer& real(int id, double value) {
    head(id, Type::real);
    auto bits = std::bit_cast<std::uint64_t>(value);
    big_endian(compact_ ? __builtin_bswap64(bits) : bits, 8);
    return *this;
  }
  Writer& string(int id, std::string_view value) {
    head(id, Type::binary);
    text(value);
    return *this;
  }
  // Followed by begin() ... end().
  Writer& structure(int id) {
    head(id, Type::structure);
    return *this;
  }
  // Followed by `size` structs.
  Writer& structs(int id, std::size_t size) {
    head(id, Type::list);
    if (!compact_) out_ += static_cast<char>(wire(Type::structure)), big_endian(size, 4);
    else if (size < 15) out_ += static_cast<char>(size << 4 | 12);
    else out_ += '\xFC', varint(size);
    return *this;
  }
  const std::string& bytes() const { return out_; }

 private:
  std::uint8_t wire(Type type) const {
    constexpr std::uint8_t compact[] = {0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, binary[] = {0, 2, 3, 6, 8, 10, 4, 11, 15, 14, 13, 12};
    return (compact_ ? compact : binary)[static_cast<std::size_t>(type)];
  }
  void head(int id, Type type, std::uint8_t as = 0) {
    std::uint8_t kind = as != 0 ? as : wire(type);
    if (!compact_) {
      out_ += static_cast<char>(kind), big_endian(static_cast<std::uint64_t>(id), 2);
      return;
    }
    int delta = id - ids_.back();
    ids_.back() = id;
    if (delta > 0 && delta < 16) out_ += static_cast<char>(delta << 4 | kind);
    else out_ += static_cast<char>(kind), varint(zigzag(id));
  }
  void number(std::int64_t value, Type type) {
    if (compact_) return varint(zigzag(value));
    big_endian(static_cast<std::uint64_t>(value), type == Type::i64 ? 8 : type == Type::i32 ? 4 : 2);
  }
  void text(std::string_view value) {
    if (compact_) varint(value.size());
    else big_endian(value.size(), 4);
    out_ += value;
  }
  void big_endian(std::uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) out_ += static_cast<char>(value >> (8 * i));
  }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_ += static_cast<char>(value | 0x80);
    out_ += static_cast<char>(value);
  }
  static std::uint64_t zigzag(std::int64_t v) { return static_cast<std::uint64_t>(v) << 1 ^ static_cast<std::uint64_t>(v >> 63); }

  bool compact_;
  std::string out_;
  std::vector<int> ids_;
};

}  // namespace weir::thrift::testing
