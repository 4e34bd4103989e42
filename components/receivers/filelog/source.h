#pragma once
// The bytes of a log file, compressed or not. Everything here blocks but read_cached().
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct z_stream_s;

namespace weir::receivers::filelog {

struct FileStat {
  std::uint64_t device = 0, inode = 0, size = 0, links = 0;
};

// An open file. One thread at a time.
class Source {
 public:
  // Errc::refused when we may not read it, Errc::retryable for what may pass.
  static Result<std::unique_ptr<Source>> open(const std::string& path);
  ~Source();
  Source(const Source&) = delete;

  int descriptor() const { return fd_; }
  Result<FileStat> stat() const;
  // The first bytes are those of gzip.
  bool looks_compressed() const;
  // Reads through gzip from now on.
  void decompress() { gzip_ = true; }
  bool compressed() const { return gzip_; }

  // Up to `size` bytes of the content at `offset`. Fewer only at the end, which is that of the file as it is now.
  // Compressed: an offset in front of the last one begins anew from the front.
  Result<> read(std::uint64_t offset, std::size_t size, std::string& to);
  // The same if all of it is in the system's cache, as what was just written is. False when it is not, or one cannot know.
  bool read_cached(std::uint64_t offset, std::size_t size, std::string& to) const;
  // Sum of bytes [from, to) of the content; 0 when they are not there.
  std::uint64_t sum(std::uint64_t from, std::uint64_t to);
  // Nobody else has it locked; keeps others from locking it until unlock().
  bool lock();
  void unlock();
  // What was read is not needed in the system's cache any more.
  void forget_cache(std::uint64_t until);

 private:
  explicit Source(int fd) : fd_(fd) {}
  Result<std::string> inflate_at(std::uint64_t offset, std::size_t size);
  Result<> inflate_more(std::string& to, std::size_t size);
  void rewind();

  int fd_;
  bool gzip_ = false;
  // Inflating: where the compressed bytes go on, and the content from `base_` on that was not consumed yet.
  std::unique_ptr<z_stream_s, void (*)(z_stream_s*)> stream_{nullptr, nullptr};
  std::uint64_t next_input_ = 0, base_ = 0;
  std::string input_, content_;
  bool ended_ = false;
};

}  // namespace weir::receivers::filelog
