#pragma once
// Tells what happened in directories since it was asked last, so that whoever has ten thousand files need not look at all of them.
#include <string>
#include <unordered_map>
#include <vector>

namespace weir::receivers::filelog {

// inotify. One thread at a time; nothing in here blocks for long. A hint only: what it does not tell (links whose target lies elsewhere
// and was replaced, network file systems) is found out by looking at everything now and then.
class DirectoryWatch {
 public:
  struct Changes {
    bool names = false;              // files appeared, went or were renamed, or too much happened: look at everything
    std::vector<std::string> files;  // these were written to; one may be there several times
  };

  DirectoryWatch() = default;
  ~DirectoryWatch();
  DirectoryWatch(const DirectoryWatch&) = delete;

  // Watches these, and nothing else from now on: names and writes in directories, and writes to files that are links, whose directory does
  // not tell. True when something is among them that was not watched before.
  bool set(std::vector<std::string> directories, const std::vector<std::string>& files);
  // False when something cannot be watched.
  bool complete() const { return complete_; }
  Changes take();

 private:
  bool add(const std::string& path, bool directory);
  void drop(int watch);
  void take_event(int watch, unsigned mask, const char* name, Changes& changes);

  struct Watched {
    std::string path;
    bool directory = true;
    bool wanted = true;
  };
  int fd_ = -1;
  bool complete_ = false, grew_ = false;
  std::unordered_map<int, Watched> by_number_;
  std::unordered_map<std::string, int> by_path_;
};

}  // namespace weir::receivers::filelog
