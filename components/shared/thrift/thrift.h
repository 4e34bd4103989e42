#pragma once
// Apache Thrift on the wire, both protocols. Once a read fails, ok() is false, and everything after reads as zero, empty
// or the end.
#include <cstdint>
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

class Reader {
 public:
  Reader(Protocol protocol, std::string_view bytes) : compact_(protocol == Protocol::compact), rest_(bytes) {}

  bool ok() const { return ok_; }
  std::string_view rest() const { return rest_; }

  Message message();
  // False at the end of the struct. After it the field's value must be read or skipped.
  bool next(Field& field);
  bool boolean(const Field& field);
  // A byte, i16, i32 or i64.
  std::int64_t integer(Type type);
  double real();
  std::string_view binary();
  List list();
  void skip(const Field& field);

 private:
  static constexpr int deepest = 16;  // of what nobody asked for
  void skip_value(Type type, int depth);
  void skip_elements(Type type, std::uint32_t count, int depth);
  std::uint64_t varint();
  std::uint64_t big_endian(std::size_t bytes);
  std::uint32_t count();
  Type type_of(std::uint8_t wire) const;
  void failed() {
    ok_ = false;
    rest_ = {};
  }

  bool compact_, ok_ = true;
  std::string_view rest_;
};

}  // namespace weir::thrift
