#pragma once
// What Linux tells about the machine, from /proc. A seam: tests give texts.
#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace weir::receivers::hostmetrics {

struct FileSystemSpace {
  std::uint64_t total = 0, free = 0, available = 0, inodes = 0, free_inodes = 0;  // bytes
};

// TCP sockets by state, numbered as in /proc/net/tcp: 1 is ESTABLISHED.
using TcpStates = std::array<std::int64_t, 16>;

struct HostFiles {
  std::function<std::string(const std::string& path)> read;                  // "" when it cannot be read
  std::function<std::string(const std::string& path)> read_short;            // the same, for files that the kernel gives in one piece: one call less
  std::function<std::vector<std::string>(const std::string& path)> list;     // names in a directory
  std::function<std::string(const std::string& path)> link;                  // where a symbolic link leads
  std::function<bool(const std::string& path, FileSystemSpace& out)> space;
  std::function<std::optional<unsigned>(const std::string& path)> owner;     // the user whose file it is
  std::function<std::string(unsigned user)> user_name;
  std::function<std::optional<TcpStates>()> tcp_states;                      // nothing when only files tell

  // The machine's; `root`: where its file system is mounted, "" for our own.
  static HostFiles of(const std::string& root);
  // Whether it is there.
  static Result<> check(const std::string& root);
};

// Words between blanks.
std::vector<std::string_view> words(std::string_view text);
std::int64_t number(std::string_view word);
// The number behind "Name:" in a text of such lines, times `factor`; 0 when there is none.
std::int64_t field_of(std::string_view text, std::string_view name, std::int64_t factor = 1);
// What stands behind "Name:".
std::string_view text_of(std::string_view text, std::string_view name);

constexpr double ticks = 100;  // USER_HZ, the same on all machines

}  // namespace weir::receivers::hostmetrics
