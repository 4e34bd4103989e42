#include "components/receivers/hostmetrics/host.h"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>

#include "components/receivers/hostmetrics/tcp_states.h"

namespace weir::receivers::hostmetrics {
namespace {

constexpr std::size_t max_file = 16 * 1024 * 1024;

// `once`: a read that does not fill the buffer was the last one.
std::string read_file(const std::string& path, bool once) {
  std::string out;
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return out;
  std::array<char, 16384> buffer;
  while (out.size() < max_file) {
    ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n <= 0) break;
    out.append(buffer.data(), static_cast<std::size_t>(n));
    if (once && static_cast<std::size_t>(n) < buffer.size()) break;
  }
  ::close(fd);
  return out;
}

std::vector<std::string> list_directory(const std::string& path) {
  std::vector<std::string> out;
  DIR* directory = ::opendir(path.c_str());
  if (directory == nullptr) return out;
  while (dirent* entry = ::readdir(directory)) out.emplace_back(entry->d_name);
  ::closedir(directory);
  return out;
}

std::string read_link(const std::string& path) {
  std::array<char, 4096> buffer;
  ssize_t n = ::readlink(path.c_str(), buffer.data(), buffer.size());
  return n < 0 ? std::string() : std::string(buffer.data(), static_cast<std::size_t>(n));
}

bool read_space(const std::string& path, FileSystemSpace& out) {
  struct statvfs space {};
  if (::statvfs(path.c_str(), &space) != 0) return false;
  out = {space.f_blocks * space.f_frsize, space.f_bfree * space.f_frsize, space.f_bavail * space.f_frsize, space.f_files, space.f_ffree};
  return true;
}

std::optional<unsigned> owner_of(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return {};
  return found.st_uid;
}

std::string name_of_user(unsigned id) {
  passwd entry{}, *found = nullptr;
  std::array<char, 4096> buffer;
  if (::getpwuid_r(id, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) return {};
  return found->pw_name;
}

}  // namespace

Result<> HostFiles::check(const std::string& root) {
  struct stat found {};
  if (!root.empty() && ::stat(root.c_str(), &found) != 0) return fail(Errc::config, "invalid root_path: {}: {}", root, std::strerror(errno));
  return {};
}

HostFiles HostFiles::of(const std::string& root) {
  return {.read = [root](const std::string& path) { return read_file(root + path, false); },
          .read_short = [root](const std::string& path) { return read_file(root + path, true); },
          .list = [root](const std::string& path) { return list_directory(root + path); },
          .link = [root](const std::string& path) { return read_link(root + path); },
          .space = [root](const std::string& path, FileSystemSpace& out) { return read_space(root + path, out); },
          .owner = [root](const std::string& path) { return owner_of(root + path); },
          .user_name = name_of_user,
          .tcp_states = [root] { return count_tcp_states(root); }};
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t i = 0; i < text.size();) {
    while (i < text.size() && (text[i] == ' ' || text[i] == '\t')) ++i;
    std::size_t from = i;
    while (i < text.size() && text[i] != ' ' && text[i] != '\t') ++i;
    if (i > from) out.push_back(text.substr(from, i - from));
  }
  return out;
}

std::string_view text_of(std::string_view text, std::string_view name) {
  for (std::size_t at = 0; at < text.size();) {
    std::string_view line = text.substr(at, text.find('\n', at) - at);
    at += line.size() + 1;
    if (!line.starts_with(name) || line.size() <= name.size() || (line[name.size()] != ':' && line[name.size()] != ' ')) continue;
    line.remove_prefix(name.size() + 1);
    while (!line.empty() && (line[0] == ' ' || line[0] == '\t')) line.remove_prefix(1);
    return line;
  }
  return {};
}

std::int64_t field_of(std::string_view text, std::string_view name, std::int64_t factor) { return number(text_of(text, name)) * factor; }

std::int64_t number(std::string_view word) {
  std::int64_t out = 0;
  std::from_chars(word.data(), word.data() + word.size(), out);
  return out;
}

}  // namespace weir::receivers::hostmetrics
