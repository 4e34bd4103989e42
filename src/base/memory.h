#pragma once
// What the machine says about memory.
#include <cstddef>

namespace weir {

// What the process may have: the limit of its cgroup (v2 or v1) or of its address space (ulimit -v), the least of them. Bytes; 0:
// as much as there is.
std::size_t memory_limit();
// The same, or all RAM.
std::size_t total_memory();
// Resident bytes of this process.
std::size_t resident_memory();

}  // namespace weir
