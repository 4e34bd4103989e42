#pragma once
// What the machine says about memory.
#include <cstddef>

namespace weir {

// The cgroup's limit (v2 or v1) if there is one, otherwise all RAM. Bytes.
std::size_t total_memory();
// Resident bytes of this process.
std::size_t resident_memory();

}  // namespace weir
