#include "base/memory.h"

#include <unistd.h>

#include <fstream>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();  // g++ has no header for it
#define WEIR_SANITIZED 1
#endif

namespace weir {
namespace {

// 0 when the file is missing or says "max".
std::size_t read_number(const std::string& path) {
  std::ifstream file(path);
  std::size_t value = 0;
  return file >> value ? value : 0;
}

// The cgroup v2 path of this process below /sys/fs/cgroup, "" when unknown.
std::string cgroup_path() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("0::")) return line.substr(3);
  return {};
}

}  // namespace

std::size_t total_memory() {
  std::size_t ram = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  for (std::string path : {"/sys/fs/cgroup" + cgroup_path() + "/memory.max", std::string("/sys/fs/cgroup/memory.max"),
                           std::string("/sys/fs/cgroup/memory/memory.limit_in_bytes")})
    if (std::size_t limit = read_number(path); limit != 0 && limit < ram) return limit;
  return ram;
}

std::size_t resident_memory() {
#ifdef WEIR_SANITIZED
  // Most of what is resident is the sanitizer's: shadow memory, and what was freed. This is about what it would be without.
  constexpr std::size_t code_and_stacks = 20 << 20;
  return code_and_stacks + __sanitizer_get_current_allocated_bytes();
#else
  std::ifstream file("/proc/self/statm");
  std::size_t size = 0, resident = 0;
  file >> size >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
#endif
}

}  // namespace weir
