#pragma once
// Apache Thrift on the wire, both protocols. Once a read fails, ok() is false, and everything after reads as zero, empty
// or the end.
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/result.h"

namespace weir::thrift {

enum class Protocol : std::uint8_t { binary, compact };
enum class Type : std::uint8_t { stop, boolean, byte, i16, i32, i64, real, binary, list, set, map, structure };
enum class MessageType : std::uint8_t { call = 1, reply, exception, oneway };

struct Message {
  std::string_view name;
  MessageType type{};
};

// Start with {} at the head of each struct; next() needs the id of the field before.
struct Field {
  Type type = Type::stop;
  std::int16_t id = 0;
  bool truth = false;  // compact: the value of a boolean is in its head
};

struct List {
  Type type = Type::stop;
  std::uint32_t size = 0;  // at most the bytes that are left
};

// What is called for each field is here, so that it becomes part of its callers: a span has some forty of them.
class Reader {
 public:
  Reader(Protocol protocol, std::string_view bytes) : compact_(protocol == Protocol::compact), types_(compact_ ? compact_types : binary_types), rest_(bytes) {}

  bool ok() const { return ok_; }
  std::string_view rest() const { return rest_; }

  Message message();
  // False at the end of the struct. After it the field's value must be read or skipped.
  bool next(Field& field) {
    if (rest_.empty()) return failed(), false;
    auto head = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    if (compact_) return next_compact(field, head);
    if (head == 0) return false;
    field.type = type_of(head);
    if (field.type == Type::stop) return failed(), false;
    field.id = static_cast<std::int16_t>(big_endian<std::uint16_t>());
    return ok_;
  }
  bool boolean(const Field& field) { return compact_ ? field.truth : big_endian<std::uint8_t>() != 0; }
  // A byte, i16, i32 or i64.
  std::int64_t integer(Type type) {
    if (!compact_ && type == Type::i64) return static_cast<std::int64_t>(big_endian<std::uint64_t>());
    if (!compact_ && type == Type::i32) return static_cast<std::int32_t>(big_endian<std::uint32_t>());
    return other_integer(type);
  }
  double real();
  std::string_view binary() {
    std::uint32_t size = count();
    std::string_view out(rest_.data(), size);
    rest_.remove_prefix(size);
    return out;
  }
  List list();
  void skip(const Field& field);

 private:
  static constexpr int deepest = 16;  // of what nobody asked for
  // By the numbers of each protocol; `stop` for those that do not exist.
  static constexpr Type compact_types[16] = {Type::stop, Type::boolean, Type::boolean, Type::byte, Type::i16, Type::i32, Type::i64, Type::real,
                                             Type::binary, Type::list, Type::set, Type::map, Type::structure};
  static constexpr Type binary_types[16] = {Type::stop, Type::stop, Type::boolean, Type::byte, Type::real, Type::stop, Type::i16, Type::stop,
                                            Type::i32, Type::stop, Type::i64, Type::binary, Type::structure, Type::map, Type::set, Type::list};

  bool next_compact(Field& field, std::uint8_t head);
  std::int64_t other_integer(Type type);
  void skip_value(Type type, int depth);
  void skip_elements(Type type, std::uint32_t count, int depth);
  std::uint64_t varint();
  template <class T>
  T big_endian() {
    if (rest_.size() < sizeof(T)) return failed(), T{};
    T out;
    std::memcpy(&out, rest_.data(), sizeof out);
    rest_.remove_prefix(sizeof out);
    return std::byteswap(out);
  }
  // Of elements or bytes that follow: each takes at least one byte.
  std::uint32_t count() {
    std::uint64_t n = compact_ ? varint() : big_endian<std::uint32_t>();
    if (n > rest_.size()) failed(), n = 0;
    return static_cast<std::uint32_t>(n);
  }
  Type type_of(std::uint8_t wire) const { return wire < 16 ? types_[wire] : Type::stop; }
  void failed() {
    ok_ = false;
    rest_ = {};
  }

  bool compact_, ok_ = true;
  const Type* types_;
  std::string_view rest_;
};

}  // namespace weir::thrift
