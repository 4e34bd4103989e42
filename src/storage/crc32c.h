#pragma once
// CRC-32C (Castagnoli), the sum under every file this program writes for itself.
#include <cstdint>
#include <string_view>

namespace weir::storage {

// `before`: the sum of what stands in front of `bytes`.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

}  // namespace weir::storage
