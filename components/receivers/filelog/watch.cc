#include "components/receivers/filelog/watch.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

namespace weir::receivers::filelog {
namespace {

constexpr unsigned name_events = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB;
constexpr unsigned self_events = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED;

bool is_link(const std::string& path) {
  struct stat s;
  return ::lstat(path.c_str(), &s) == 0 && S_ISLNK(s.st_mode);
}

}  // namespace

DirectoryWatch::~DirectoryWatch() {
  if (fd_ >= 0) ::close(fd_);
}

bool DirectoryWatch::set(std::vector<std::string> directories, const std::vector<std::string>& files) {
  if (fd_ < 0) fd_ = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd_ < 0) return complete_ = false;
  grew_ = false;
  for (auto& [number, watched] : by_number_) watched.wanted = false;
  std::sort(directories.begin(), directories.end());
  directories.erase(std::unique(directories.begin(), directories.end()), directories.end());
  complete_ = true;
  for (auto& path : directories) complete_ &= add(path, true);
  for (auto& path : files)
    if (is_link(path)) complete_ &= add(path, false);
  std::vector<int> unwanted;
  for (auto& [number, watched] : by_number_)
    if (!watched.wanted) unwanted.push_back(number);
  for (int number : unwanted) {
    ::inotify_rm_watch(fd_, number);
    drop(number);
  }
  return grew_;
}

bool DirectoryWatch::add(const std::string& path, bool directory) {
  auto known = by_path_.find(path);
  if (known != by_path_.end()) return by_number_[known->second].wanted = true;
  unsigned mask = IN_MODIFY | IN_DELETE_SELF | IN_MOVE_SELF | (directory ? name_events | IN_ONLYDIR : 0u);
  int number = ::inotify_add_watch(fd_, path.c_str(), mask);
  // What went meanwhile was told by the directory above.
  if (number < 0) return errno == ENOENT;
  // Two names of one inode: the second one cannot be told apart from the first.
  auto [at, fresh] = by_number_.emplace(number, Watched{path, directory});
  if (!fresh) return at->second.wanted = true, at->second.path == path;
  by_path_[path] = number;
  return grew_ = true;
}

void DirectoryWatch::drop(int number) {
  auto at = by_number_.find(number);
  if (at == by_number_.end()) return;
  by_path_.erase(at->second.path);
  by_number_.erase(at);
}

DirectoryWatch::Changes DirectoryWatch::take() {
  Changes out;
  if (fd_ < 0) return out.names = true, out;
  alignas(inotify_event) char buffer[64 * 1024];
  constexpr int most_reads = 64;
  for (int i = 0; i < most_reads; ++i) {
    ssize_t size = ::read(fd_, buffer, sizeof buffer);
    if (size <= 0) return out;
    for (ssize_t at = 0; at < size;) {
      inotify_event event;
      std::memcpy(&event, buffer + at, sizeof event);
      take_event(event.wd, event.mask, event.len > 0 ? buffer + at + sizeof event : "", out);
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
  }
  out.names = true;
  return out;
}

void DirectoryWatch::take_event(int number, unsigned mask, const char* name, Changes& changes) {
  auto at = by_number_.find(number);
  if (mask & IN_Q_OVERFLOW) changes.names = true;
  if (at == by_number_.end()) return;
  if (mask & self_events) {
    changes.names = true;
    // Under its name something else may stand now.
    if (!(mask & IN_IGNORED)) ::inotify_rm_watch(fd_, number);
    return drop(number);
  }
  if (mask & name_events) changes.names = true;
  if (!(mask & IN_MODIFY)) return;
  const Watched& watched = at->second;
  std::string path = !watched.directory ? watched.path : watched.path == "." ? std::string(name) : watched.path.ends_with('/') ? watched.path + name : watched.path + "/" + name;
  if (changes.files.empty() || changes.files.back() != path) changes.files.push_back(std::move(path));
}

}  // namespace weir::receivers::filelog
