#pragma once
// Files as a seam: the real ones, and ones in memory that can be full, broken or slow to take bytes.
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/rng.h"
#include "base/time.h"

namespace weir::io {

// An open file. One core at a time. Errors carry path and reason: `retryable` for what may pass (no space, I/O error),
// `permanent` for the rest.
class File {
 public:
  virtual ~File() = default;
  // All pieces, at the end. After an error a part of them may be there: truncate() to the size before to take it back.
  virtual Result<> append(std::span<const std::string_view> pieces) = 0;
  virtual Result<> truncate(std::uint64_t size) = 0;
  // Asks for room on the disk for a file of that size, which it does not have yet. Beside append(), from any thread. Where it fails, nothing changes.
  virtual void reserve(std::uint64_t) {}
  // Content survives a power cut when this has returned. Beside append(), from any thread: what that had written before.
  virtual Result<> sync() = 0;
  // As left by the last call of this object.
  virtual std::uint64_t size() const = 0;
  // Fewer bytes than asked for only at the end of the file.
  virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<char> to) = 0;
};

enum class OpenMode : std::uint8_t { read, append, replace };  // append and replace create the file when it is not there

struct FileInfo {
  std::string name;  // without the directory
  std::uint64_t size = 0;
  bool is_directory = false;
  UnixNanos modified = 0;
};

// Any core.
class Fs {
 public:
  virtual ~Fs() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode, unsigned permissions = 0600) = 0;
  // nullopt when there is no such file.
  virtual Result<std::optional<FileInfo>> info(const std::string& path) = 0;
  // Sorted by name.
  virtual Result<std::vector<FileInfo>> list(const std::string& directory) = 0;
  virtual Result<> rename(const std::string& from, const std::string& to) = 0;
  // No error when it is not there.
  virtual Result<> remove(const std::string& path) = 0;
  // With its parents; no error when it exists.
  virtual Result<> make_directory(const std::string& path, unsigned permissions = 0755) = 0;
  // Creates the file and keeps others (this process included) from locking it until the token goes. Blocks for up to `wait` while
  // somebody has it, then `refused`.
  virtual Result<std::shared_ptr<void>> lock(const std::string& path, Duration wait) = 0;
  // New, renamed and removed names in it survive a power cut when this has returned.
  virtual Result<> sync_directory(const std::string& path) = 0;
  // The same for everything on the disk of `path`, whoever wrote it.
  virtual Result<> sync_disk(const std::string& path) = 0;
};

Fs& system_fs();
// For checks of settings, which happen before there is anything to run: what the machine's disk has at `path`, if anything.
Result<std::optional<FileInfo>> info_here(const std::string& path);

// One thread.
class MemoryFs : public Fs {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode, unsigned permissions = 0600) override;
  Result<std::optional<FileInfo>> info(const std::string& path) override;
  Result<std::vector<FileInfo>> list(const std::string& directory) override;
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> remove(const std::string& path) override;
  Result<> make_directory(const std::string& path, unsigned permissions = 0755) override;
  Result<std::shared_ptr<void>> lock(const std::string& path, Duration wait) override;
  Result<> sync_directory(const std::string& path) override;
  Result<> sync_disk(const std::string& path) override;

  // Null when there is no such file.
  const std::string* content(const std::string& path) const;

  // The power goes: of what was not synced any part may be there, in pieces of a sector; sectors that are missing in between are
  // zero. Names that were not synced with their directory may be as before. Files that are open are not to be used any more.
  void cut_power(Rng& rng);
  // Flips a bit somewhere in a file; false when it has none.
  bool flip_bit(const std::string& path, std::uint64_t bit);
  // Cuts a file, whether it was synced or not.
  void cut(const std::string& path, std::uint64_t size);
  std::vector<std::string> paths() const;
  // All of it as it is now, sharing nothing: what the next process finds when this one is killed.
  MemoryFs copy() const;

  // Bytes that still fit; what is written beyond fails with ENOSPC after the part that fits.
  std::optional<std::size_t> room;
  // Asked before each operation ("open", "write", "truncate", "sync", "rename", "remove"): an errno to fail with, or 0.
  std::function<int(std::string_view operation, const std::string& path)> fault;
  // Stamps files.
  UnixNanos now = 0;

 private:
  struct Node {
    std::string content;
    UnixNanos modified = 0;
    std::string synced;  // as of the last sync()
  };
  class MemoryFile;
  Result<> check(std::string_view operation, const std::string& path) const;

  std::map<std::string, std::shared_ptr<Node>> synced_names_;  // as a power cut leaves them
  std::map<std::string, std::shared_ptr<Node>> files_;  // shared with open files: renaming and removing do not close
  std::map<std::string, bool> directories_;
  std::map<std::string, std::weak_ptr<void>> locks_;
};

}  // namespace weir::io
