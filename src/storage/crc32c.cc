#include "storage/crc32c.h"

#include <isa-l/crc.h>

namespace weir::storage {

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
  constexpr std::size_t step = 1 << 30;  // the library counts in int
  std::uint32_t crc = ~before;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size()))) {
    auto* data = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
    crc = crc32_iscsi(data, static_cast<int>(std::min(step, bytes.size())), crc);
  }
  return ~crc;
}

}  // namespace weir::storage
