#include "base/memory.h"

#include <unistd.h>

#include <fstream>

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
  std::ifstream file("/proc/self/statm");
  std::size_t size = 0, resident = 0;
  file >> size >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace weir
