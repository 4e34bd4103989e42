#pragma once
// CRC-32C (Castagnoli), the sum under every file this program writes for itself.
#include <cstdint>
#include <string_view>

namespace weir::storage {

std::uint32_t crc32c(std::string_view bytes);

}  // namespace weir::storage
