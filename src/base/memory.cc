#include "base/memory.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstring>
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

std::size_t memory_limit() {
  const std::size_t ram = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  std::size_t least = ram;
  rlimit space{};
  if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY) least = std::min<std::size_t>(least, space.rlim_cur);
  for (std::string path : {"/sys/fs/cgroup" + cgroup_path() + "/memory.max", std::string("/sys/fs/cgroup/memory.max"),
                           std::string("/sys/fs/cgroup/memory/memory.limit_in_bytes")})
    if (std::size_t limit = read_number(path); limit != 0 && limit < ram) {
      least = std::min(least, limit);
      break;
    }
  return least < ram ? least : 0;
}

std::size_t total_memory() {
  std::size_t limit = memory_limit();
  return limit != 0 ? limit : static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

std::size_t resident_memory() {
#ifdef WEIR_SANITIZED
  // Most of what is resident is the sanitizer's: shadow memory, and what was freed. This is about what it would be without.
  constexpr std::size_t code_and_stacks = 20 << 20;
  return code_and_stacks + __sanitizer_get_current_allocated_bytes();
#else
  // Read ten times a second: the file stays open.
  static const int file = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  std::array<char, 128> text{};
  ssize_t got = file < 0 ? -1 : ::pread(file, text.data(), text.size() - 1, 0);
  const char* resident = got > 0 ? std::strchr(text.data(), ' ') : nullptr;  // behind the virtual size; in pages
  return resident ? std::strtoull(resident, nullptr, 10) * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) : 0;
#endif
}

}  // namespace weir
