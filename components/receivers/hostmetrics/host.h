#pragma once
// What Linux tells about the machine, from /proc. A seam: tests give texts.
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace weir::receivers::hostmetrics {

struct FileSystemSpace {
  std::uint64_t total = 0, free = 0, available = 0, inodes = 0, free_inodes = 0;  // bytes
};

struct HostFiles {
  std::function<std::string(const std::string& path)> read;                  // "" when it cannot be read
  std::function<std::vector<std::string>(const std::string& path)> list;     // names in a directory
  std::function<std::string(const std::string& path)> link;                  // where a symbolic link leads
  std::function<bool(const std::string& path, FileSystemSpace& out)> space;
  std::function<std::string(unsigned user)> user_name;

  // The machine's; `root`: where its file system is mounted, "" for our own.
  static HostFiles of(const std::string& root);
};

// Words between blanks.
std::vector<std::string_view> words(std::string_view text);
std::int64_t number(std::string_view word);

}  // namespace weir::receivers::hostmetrics
