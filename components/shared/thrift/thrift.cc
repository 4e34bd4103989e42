#include "components/shared/thrift/thrift.h"

namespace weir::thrift {
namespace {

constexpr std::uint8_t true_in_head = 1, false_in_head = 2;  // compact: types of a field that is a boolean
constexpr std::uint8_t compact_id = 0x82, compact_version = 1;
constexpr std::uint32_t strict_version = 0x80010000;

std::int64_t unzigzag(std::uint64_t v) { return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1); }

}  // namespace

std::uint64_t Reader::varint() {
  std::uint64_t out = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) break;
    auto c = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    out |= std::uint64_t{c & 0x7Fu} << shift;
    if (c < 0x80) return out;
  }
  failed();
  return 0;
}

Message Reader::message() {
  Message out;
  if (compact_) {
    if (big_endian<std::uint8_t>() != compact_id) return failed(), out;
    auto second = static_cast<std::uint8_t>(big_endian<std::uint8_t>());
    if ((second & 0x1F) != compact_version) return failed(), out;
    out.type = static_cast<MessageType>(second >> 5);
    varint();  // sequence number
    out.name = binary();
    return out;
  }
  bool strict = !rest_.empty() && (rest_.front() & 0x80) != 0;
  if (!strict) {
    out.name = binary();
    out.type = static_cast<MessageType>(big_endian<std::uint8_t>());
  } else {
    auto head = static_cast<std::uint32_t>(big_endian<std::uint32_t>());
    if ((head & 0xFFFF0000) != strict_version) return failed(), out;
    out.type = static_cast<MessageType>(head & 0xFF);
    out.name = binary();
  }
  big_endian<std::uint32_t>();  // sequence number
  return out;
}

bool Reader::next_compact(Field& field, std::uint8_t head) {
  std::uint8_t wire = head & 0x0F;
  if (wire == 0) return false;
  field.type = type_of(wire);
  if (field.type == Type::stop) return failed(), false;
  field.truth = wire == true_in_head;
  int delta = head >> 4;
  field.id = delta != 0 ? static_cast<std::int16_t>(field.id + delta) : static_cast<std::int16_t>(unzigzag(varint()));
  return ok_;
}

std::int64_t Reader::other_integer(Type type) {
  if (type == Type::byte) return static_cast<std::int8_t>(big_endian<std::uint8_t>());
  if (compact_) return unzigzag(varint());
  switch (type) {
    case Type::i16: return static_cast<std::int16_t>(big_endian<std::uint16_t>());
    case Type::i32: return static_cast<std::int32_t>(big_endian<std::uint32_t>());
    case Type::i64: return static_cast<std::int64_t>(big_endian<std::uint64_t>());
    default: return failed(), 0;
  }
}

double Reader::real() {
  auto bits = big_endian<std::uint64_t>();
  return std::bit_cast<double>(compact_ ? std::byteswap(bits) : bits);
}

List Reader::list() {
  List out;
  auto head = static_cast<std::uint8_t>(big_endian<std::uint8_t>());
  if (!compact_) {
    out.type = type_of(head);
    out.size = count();
  } else {
    out.type = type_of(head & 0x0F);
    out.size = head >> 4;
    if (out.size == 15) out.size = count();
    if (out.size > rest_.size()) failed();
  }
  if (ok_ && out.type == Type::stop && out.size > 0) failed();
  if (!ok_) out.size = 0;
  return out;
}

void Reader::skip(const Field& field) {
  if (field.type == Type::boolean) boolean(field);
  else skip_value(field.type, 0);
}

void Reader::skip_value(Type type, int depth) {
  if (depth > deepest) return failed();
  switch (type) {
    case Type::stop: return failed();
    case Type::boolean: big_endian<std::uint8_t>(); return;
    case Type::byte:
    case Type::i16:
    case Type::i32:
    case Type::i64: integer(type); return;
    case Type::real: real(); return;
    case Type::binary: binary(); return;
    case Type::list:
    case Type::set: {
      List elements = list();
      return skip_elements(elements.type, elements.size, depth + 1);
    }
    case Type::map: {
      std::uint32_t pairs = 0;
      Type key{}, value{};
      if (compact_) {
        pairs = count();
        auto types = pairs ? static_cast<std::uint8_t>(big_endian<std::uint8_t>()) : 0;
        key = type_of(types >> 4), value = type_of(types & 0x0F);
      } else {
        key = type_of(static_cast<std::uint8_t>(big_endian<std::uint8_t>())), value = type_of(static_cast<std::uint8_t>(big_endian<std::uint8_t>()));
        pairs = count();
      }
      for (; pairs > 0 && ok_; --pairs) skip_value(key, depth + 1), skip_value(value, depth + 1);
      return;
    }
    case Type::structure: {
      Field field;
      while (next(field)) {
        if (field.type == Type::boolean) boolean(field);
        else skip_value(field.type, depth + 1);
      }
      return;
    }
  }
}

void Reader::skip_elements(Type type, std::uint32_t count, int depth) {
  for (; count > 0 && ok_; --count) skip_value(type, depth);
}

}  // namespace weir::thrift
