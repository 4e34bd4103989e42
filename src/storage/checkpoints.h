#pragma once
// A component's small durable state: keys and values that are written as a whole. For offsets, cursors and the like, up
// to some megabytes; what grows with the data belongs into the segment log.
//
// Two files take turns ("name.0" and "name.1"): a save leaves the one that was last synced alone, so one is whole at any
// moment, whatever happens meanwhile. The layout is described in README.md.
#include <map>

#include "io/fs.h"

namespace weir::storage {

struct CheckpointSettings {
  std::string directory;  // created when it is not there
  std::string name;       // of the files; see checkpoint_name()
  std::size_t max_bytes = 64u << 20;
};

// One core at a time. Everything that touches files says so: it belongs on a worker unless the program is just starting.
class Checkpoints {
 public:
  using Entries = std::map<std::string, std::string, std::less<>>;

  // Reads the newest whole file (blocks). Those that are damaged, too large or cannot be read are said in the log, counted and skipped: with
  // both of them it is empty.
  static Result<Checkpoints> open(io::Fs& fs, CheckpointSettings settings);

  // Files that were skipped.
  std::size_t damaged() const { return damaged_; }
  const Entries& entries() const { return entries_; }
  // Null when there is none.
  const std::string* find(std::string_view key) const;
  void set(std::string_view key, std::string value);
  void erase(std::string_view key);
  // Something changed since the last image.
  bool dirty() const { return dirty_; }

  // Everything as of now, to be written by write(), wherever that runs. Images are written one at a time and in order.
  struct Image {
    std::string path, bytes;
    bool sync = true;
  };
  // Survives the death of the process once it is written, and a power cut too if `sync`, which may take long.
  // Errc::permanent when it would be larger than max_bytes.
  Result<Image> image(bool sync = true);
  // Blocks.
  static Result<> write(io::Fs& fs, const Image& image);
  // What was not written is to be part of the next image.
  void write_failed();
  // image() and write() (blocks).
  Result<> save(bool sync = true);

 private:
  Checkpoints(io::Fs& fs, CheckpointSettings settings) : fs_(&fs), settings_(std::move(settings)) {}

  io::Fs* fs_;
  CheckpointSettings settings_;
  Entries entries_;
  std::uint64_t generation_ = 0;  // of the newest image
  int synced_ = 0;                // the file that images leave alone
  bool last_was_synced_ = false;  // the newest image
  bool dirty_ = false;
  std::size_t damaged_ = 0;
};

// A file name for a component: "receiver_filelog_app". Bytes other than letters, digits, '.', '-' and '_' are written ~XX.
std::string checkpoint_name(std::string_view kind, std::string_view type, std::string_view name);

// The bytes of a file, for tests and tools.
std::string encode_checkpoints(std::uint64_t generation, const Checkpoints::Entries& entries);
Result<std::pair<std::uint64_t, Checkpoints::Entries>> decode_checkpoints(std::string_view bytes);

}  // namespace weir::storage
