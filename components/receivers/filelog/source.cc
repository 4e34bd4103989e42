#include "components/receivers/filelog/source.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <xxhash.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>

namespace weir::receivers::filelog {
namespace {

constexpr std::size_t input_bytes = 128 * 1024;

std::unexpected<Error> failed(std::string_view what, int error) {
  bool refused = error == EACCES || error == EPERM;
  return fail(refused ? Errc::refused : Errc::retryable, "{}: {}", what, std::strerror(error));
}

Result<std::size_t> read_at(int fd, std::uint64_t offset, char* to, std::size_t size) {
  std::size_t got = 0;
  while (got < size) {
    ssize_t n = ::pread(fd, to + got, size - got, static_cast<off_t>(offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed("read", errno);
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  return got;
}

}  // namespace

Result<std::unique_ptr<Source>> Source::open(const std::string& path) {
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return failed("open " + path, errno);
  std::unique_ptr<Source> out(new Source(fd));
  struct stat s;
  if (::fstat(fd, &s) != 0) return failed("stat " + path, errno);
  if (!S_ISREG(s.st_mode)) return fail(Errc::permanent, "{} is no file", path);
  return out;
}

Source::~Source() { ::close(fd_); }

Result<FileStat> Source::stat() const {
  struct stat s;
  if (::fstat(fd_, &s) != 0) return failed("stat", errno);
  return FileStat{s.st_dev, s.st_ino, static_cast<std::uint64_t>(s.st_size), s.st_nlink};
}

bool Source::looks_compressed() const {
  char head[3];
  auto got = read_at(fd_, 0, head, sizeof head);
  return got && *got == sizeof head && std::memcmp(head, "\x1f\x8b\x08", sizeof head) == 0;
}

Result<> Source::read(std::uint64_t offset, std::size_t size, std::string& to) {
  if (gzip_) {
    WEIR_ASSIGN(to, inflate_at(offset, size));
    return {};
  }
  Result<std::size_t> got = std::size_t{0};
  to.resize_and_overwrite(size, [&](char* at, std::size_t) {
    got = read_at(fd_, offset, at, size);
    return got.value_or(0);
  });
  if (!got) return std::unexpected(got.error());
  return {};
}

bool Source::read_cached(std::uint64_t offset, std::size_t size, std::string& to) const {
  auto known = stat();
  if (gzip_ || !known) return false;
  ssize_t got = -1;
  to.resize_and_overwrite(size, [&](char* at, std::size_t) {
    iovec place{at, size};
    got = ::preadv2(fd_, &place, 1, static_cast<off_t>(offset), RWF_NOWAIT);
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  });
  return got >= 0 && (to.size() == size || offset + to.size() >= known->size);
}

std::uint64_t Source::sum(std::uint64_t from, std::uint64_t to) {
  std::string bytes;
  if (!read(from, static_cast<std::size_t>(to - from), bytes) || bytes.size() != to - from) return 0;
  return XXH3_64bits(bytes.data(), bytes.size());
}

bool Source::lock() { return ::flock(fd_, LOCK_EX | LOCK_NB) == 0; }
void Source::unlock() { ::flock(fd_, LOCK_UN); }
void Source::forget_cache(std::uint64_t until) { ::posix_fadvise(fd_, 0, static_cast<off_t>(until), POSIX_FADV_DONTNEED); }

void Source::rewind() {
  next_input_ = base_ = 0;
  input_.clear();
  content_.clear();
  ended_ = false;
  stream_ = {new z_stream_s{}, [](z_stream_s* s) { inflateEnd(s), delete s; }};
  inflateInit2(stream_.get(), 16 + MAX_WBITS);
}

Result<std::string> Source::inflate_at(std::uint64_t offset, std::size_t size) {
  if (!stream_ || offset < base_) rewind();
  // What is in front of the offset is not needed again.
  while (base_ + content_.size() < offset + size && !ended_) {
    std::size_t before = content_.size();
    WEIR_TRY(inflate_more(content_, std::max<std::size_t>(size, input_bytes)));
    bool more = content_.size() != before;
    if (offset > base_) {
      std::size_t gone = std::min<std::uint64_t>(offset - base_, content_.size());
      content_.erase(0, gone);
      base_ += gone;
    }
    if (!more) break;
  }
  if (offset > base_) {
    std::size_t gone = std::min<std::uint64_t>(offset - base_, content_.size());
    content_.erase(0, gone);
    base_ += gone;
  }
  if (offset > base_ + content_.size()) return std::string();
  return content_.substr(static_cast<std::size_t>(offset - base_), size);
}

// Appends up to `size` bytes of content; none at the end of what is there now.
Result<> Source::inflate_more(std::string& to, std::size_t size) {
  std::size_t before = to.size();
  to.resize(before + size);
  stream_->next_out = reinterpret_cast<Bytef*>(to.data() + before);
  stream_->avail_out = static_cast<uInt>(size);
  while (stream_->avail_out > 0) {
    if (stream_->avail_in == 0) {
      input_.resize(input_bytes);
      auto got = read_at(fd_, next_input_, input_.data(), input_.size());
      if (!got) return to.resize(before), std::unexpected(got.error());
      if (*got == 0) break;
      next_input_ += *got;
      stream_->next_in = reinterpret_cast<Bytef*>(input_.data());
      stream_->avail_in = static_cast<uInt>(*got);
    }
    int result = ::inflate(stream_.get(), Z_NO_FLUSH);
    // Another member may follow.
    if (result == Z_STREAM_END) {
      inflateReset(stream_.get());
      continue;
    }
    if (result == Z_BUF_ERROR) continue;
    if (result != Z_OK) {
      ended_ = true;  // what was read so far is all there is
      break;
    }
  }
  to.resize(to.size() - stream_->avail_out);
  return {};
}

}  // namespace weir::receivers::filelog
