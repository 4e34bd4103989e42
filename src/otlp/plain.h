#pragma once
// Reads attributes in the form in which SDKs write them by a look at a few bytes.
#include <cstring>
#include <string_view>

namespace weir::otlp {

// The commonest attribute by far: a key, then a value, each shorter than 128 bytes, and nothing else.
struct PlainAttribute {
  std::string_view key;
  std::string_view value;  // an AnyValue

  // `message` begins with a field. Returns the field's size if it is an attribute with this tag in the common form, otherwise 0:
  // then use a Reader.
  std::size_t read(std::string_view message, std::uint32_t tag) {
    std::uint32_t head;
    if (message.size() < sizeof head) return 0;
    const char* p = message.data();
    std::memcpy(&head, p, sizeof head);  // tag, length, key's tag, key's length
    if ((head & 0x80FF80FFu) != (tag | 0x0Au << 16)) return 0;
    std::size_t size = static_cast<unsigned char>(p[1]), key_size = head >> 24, value_size = size - 4 - key_size;
    if (size + 2 > message.size() || value_size >= 0x80) return 0;
    std::uint16_t middle;
    std::memcpy(&middle, p + 4 + key_size, sizeof middle);
    if (middle != (0x12u | value_size << 8)) return 0;
    key = {p + 4, key_size};
    value = {p + 6 + key_size, value_size};
    return 2 + size;
  }
};

// One bit for a key, from its length and last letter. Two keys with different bits differ; most different keys have different bits.
inline std::uint64_t key_bit(std::string_view key) {
  std::size_t last = key.empty() ? 0 : static_cast<unsigned char>(key.back());
  return std::uint64_t{1} << ((key.size() + 5 * last) & 63);
}

}  // namespace weir::otlp
