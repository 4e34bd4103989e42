#include "io/fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

namespace weir::io {
namespace {

constexpr Duration lock_pause = 20ms;

Errc code_of(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EIO:
    case EAGAIN:
    case EMFILE:
    case ENFILE:
    case ENOMEM: return Errc::retryable;
    default: return Errc::permanent;
  }
}

std::unexpected<Error> failed(std::string_view what, const std::string& path, int error) {
  return fail(code_of(error), "cannot {} {}: {}", what, path, std::strerror(error));
}

std::string directory_of(const std::string& path) {
  auto slash = path.rfind('/');
  if (slash == path.npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Takes `n` written bytes off the front of `pieces`.
void advance(std::vector<iovec>& pieces, std::size_t& first, std::size_t n) {
  while (n > 0) {
    std::size_t part = std::min(n, pieces[first].iov_len);
    pieces[first].iov_base = static_cast<char*>(pieces[first].iov_base) + part;
    pieces[first].iov_len -= part;
    n -= part;
    if (pieces[first].iov_len == 0) ++first;
  }
}

class SystemFile final : public File {
 public:
  SystemFile(int fd, std::string path, std::uint64_t size) : fd_(fd), path_(std::move(path)), size_(size) {}
  ~SystemFile() override { ::close(fd_); }

  Result<> append(std::span<const std::string_view> pieces) override {
    std::vector<iovec> left;
    for (auto piece : pieces)
      if (!piece.empty()) left.push_back({const_cast<char*>(piece.data()), piece.size()});
    constexpr std::size_t most = 1024;  // IOV_MAX
    for (std::size_t first = 0; first < left.size();) {
      ssize_t n = ::writev(fd_, left.data() + first, static_cast<int>(std::min(most, left.size() - first)));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failed("write", path_, errno);
      size_ += static_cast<std::uint64_t>(n);
      advance(left, first, static_cast<std::size_t>(n));
    }
    return {};
  }

  Result<> truncate(std::uint64_t size) override {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return failed("truncate", path_, errno);
    size_ = size;
    return {};
  }

  void reserve(std::uint64_t size) override { (void)::fallocate(fd_, FALLOC_FL_KEEP_SIZE, 0, static_cast<off_t>(size)); }

  Result<> sync() override {
    if (::fdatasync(fd_) != 0) return failed("sync", path_, errno);
    return {};
  }

  std::uint64_t size() const override { return size_; }

  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> to) override {
    std::size_t got = 0;
    while (got < to.size()) {
      ssize_t n = ::pread(fd_, to.data() + got, to.size() - got, static_cast<off_t>(offset + got));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failed("read", path_, errno);
      if (n == 0) break;
      got += static_cast<std::size_t>(n);
    }
    return got;
  }

 private:
  int fd_;
  std::string path_;
  std::uint64_t size_;
};

FileInfo info_of(std::string name, const struct stat& s) {
  return {std::move(name), static_cast<std::uint64_t>(s.st_size), S_ISDIR(s.st_mode),
          static_cast<UnixNanos>(s.st_mtim.tv_sec) * 1'000'000'000 + static_cast<UnixNanos>(s.st_mtim.tv_nsec)};
}

class SystemFs final : public Fs {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode, unsigned permissions) override {
    int flags = O_CLOEXEC;
    switch (mode) {
      case OpenMode::read: flags |= O_RDONLY; break;
      case OpenMode::append: flags |= O_RDWR | O_CREAT | O_APPEND; break;
      case OpenMode::replace: flags |= O_RDWR | O_CREAT | O_APPEND | O_TRUNC; break;
    }
    int fd = ::open(path.c_str(), flags, permissions);
    if (fd < 0) return failed("open", path, errno);
    struct stat s;
    if (::fstat(fd, &s) != 0) {
      int error = errno;
      ::close(fd);
      return failed("open", path, error);
    }
    return std::make_unique<SystemFile>(fd, path, static_cast<std::uint64_t>(s.st_size));
  }

  Result<std::optional<FileInfo>> info(const std::string& path) override {
    struct stat s;
    if (::stat(path.c_str(), &s) == 0) return info_of(path.substr(path.rfind('/') + 1), s);
    if (errno == ENOENT || errno == ENOTDIR) return std::optional<FileInfo>();
    return failed("look at", path, errno);
  }

  Result<std::vector<FileInfo>> list(const std::string& directory) override {
    DIR* dir = ::opendir(directory.c_str());
    if (dir == nullptr) return failed("list", directory, errno);
    std::vector<FileInfo> out;
    while (dirent* entry = ::readdir(dir)) {
      std::string name = entry->d_name;
      struct stat s;
      // What vanished meanwhile is not listed.
      if (name != "." && name != ".." && ::fstatat(::dirfd(dir), entry->d_name, &s, 0) == 0) out.push_back(info_of(name, s));
    }
    ::closedir(dir);
    std::sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.name < b.name; });
    return out;
  }

  Result<> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return failed("rename", from, errno);
    return {};
  }

  Result<> remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failed("remove", path, errno);
    return {};
  }

  Result<> make_directory(const std::string& path, unsigned permissions) override {
    for (std::size_t end = 0; end != path.npos;) {
      end = path.find('/', end + 1);
      std::string part = path.substr(0, end);
      if (::mkdir(part.c_str(), permissions) == 0 || errno == EEXIST) continue;
      // A parent that exists may refuse to be written to.
      struct stat s;
      int error = errno;
      if (::stat(part.c_str(), &s) != 0) return failed("create directory", part, error);
    }
    struct stat s;
    if (::stat(path.c_str(), &s) != 0 || !S_ISDIR(s.st_mode)) return failed("create directory", path, ENOTDIR);
    return {};
  }

  Result<std::shared_ptr<void>> lock(const std::string& path, Duration wait) override {
    int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return failed("open", path, errno);
    for (Duration waited = 0s; ::flock(fd, LOCK_EX | LOCK_NB) != 0; waited += lock_pause) {
      int error = errno;
      if (error == EWOULDBLOCK && waited < wait) {
        std::this_thread::sleep_for(lock_pause);
        continue;
      }
      ::close(fd);
      if (error == EWOULDBLOCK) return fail(Errc::refused, "{} is locked by somebody else", path);
      return failed("lock", path, error);
    }
    return std::shared_ptr<void>(nullptr, [fd](void*) { ::close(fd); });
  }

  Result<> sync_directory(const std::string& path) override { return sync_by(path, ::fsync); }
  Result<> sync_disk(const std::string& path) override { return sync_by(path, ::syncfs); }

 private:
  static Result<> sync_by(const std::string& path, int (*sync)(int)) {
    int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return failed("open", path, errno);
    int result = sync(fd), error = errno;
    ::close(fd);
    if (result != 0) return failed("sync", path, error);
    return {};
  }
};

}  // namespace

Fs& system_fs() {
  static SystemFs fs;
  return fs;
}

Result<std::optional<FileInfo>> info_here(const std::string& path) { return system_fs().info(path); }

class MemoryFs::MemoryFile final : public File {
 public:
  MemoryFile(MemoryFs& fs, std::string path, std::shared_ptr<Node> node)
      : fs_(fs), path_(std::move(path)), node_(std::move(node)) {}

  Result<> append(std::span<const std::string_view> pieces) override {
    WEIR_TRY(fs_.check("write", path_));
    node_->modified = fs_.now;
    for (auto piece : pieces) {
      std::size_t fits = std::min(piece.size(), fs_.room.value_or(piece.size()));
      node_->content += piece.substr(0, fits);
      if (fs_.room) *fs_.room -= fits;
      if (fits < piece.size()) return failed("write", path_, ENOSPC);
    }
    return {};
  }
  Result<> truncate(std::uint64_t size) override {
    WEIR_TRY(fs_.check("truncate", path_));
    if (fs_.room && size < node_->content.size()) *fs_.room += node_->content.size() - size;
    node_->content.resize(size);
    return {};
  }
  Result<> sync() override {
    WEIR_TRY(fs_.check("sync", path_));
    node_->synced = node_->content;
    return {};
  }
  std::uint64_t size() const override { return node_->content.size(); }
  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> to) override {
    WEIR_TRY(fs_.check("read", path_));
    if (offset >= node_->content.size()) return 0;
    return node_->content.copy(to.data(), to.size(), offset);
  }

 private:
  MemoryFs& fs_;
  std::string path_;
  std::shared_ptr<Node> node_;
};

Result<> MemoryFs::check(std::string_view operation, const std::string& path) const {
  int error = fault ? fault(operation, path) : 0;
  if (error != 0) return failed(operation, path, error);
  return {};
}

Result<std::unique_ptr<File>> MemoryFs::open(const std::string& path, OpenMode mode, unsigned) {
  WEIR_TRY(check("open", path));
  std::string directory = directory_of(path);
  if (directory != "." && directory != "/" && !directories_.contains(directory)) return failed("open", path, ENOENT);
  auto& node = files_[path];
  if (!node && mode == OpenMode::read) {
    files_.erase(path);
    return failed("open", path, ENOENT);
  }
  if (!node) node = std::make_shared<Node>(Node{{}, now});
  if (mode == OpenMode::replace) node->content.clear();
  return std::make_unique<MemoryFile>(*this, path, node);
}

Result<std::optional<FileInfo>> MemoryFs::info(const std::string& path) {
  std::string name = path.substr(path.rfind('/') + 1);
  if (directories_.contains(path)) return FileInfo{name, 0, true, 0};
  auto at = files_.find(path);
  if (at == files_.end()) return std::optional<FileInfo>();
  return FileInfo{name, at->second->content.size(), false, at->second->modified};
}

Result<std::vector<FileInfo>> MemoryFs::list(const std::string& directory) {
  std::vector<FileInfo> out;
  for (auto& [path, node] : files_)
    if (directory_of(path) == directory)
      out.push_back({path.substr(path.rfind('/') + 1), node->content.size(), false, node->modified});
  return out;
}

Result<> MemoryFs::rename(const std::string& from, const std::string& to) {
  WEIR_TRY(check("rename", from));
  auto node = files_.extract(from);
  if (!node) return failed("rename", from, ENOENT);
  files_[to] = std::move(node.mapped());
  return {};
}

Result<> MemoryFs::remove(const std::string& path) {
  WEIR_TRY(check("remove", path));
  auto node = files_.extract(path);
  if (node && room) *room += node.mapped()->content.size();
  return {};
}

Result<> MemoryFs::make_directory(const std::string& path, unsigned) {
  for (std::string part = path; part != "." && part != "/"; part = directory_of(part)) directories_[part] = true;
  return {};
}

Result<std::shared_ptr<void>> MemoryFs::lock(const std::string& path, Duration) {
  WEIR_TRY(open(path, OpenMode::append));
  if (!locks_[path].expired()) return fail(Errc::refused, "{} is locked by somebody else", path);
  std::shared_ptr<void> token = std::make_shared<int>();
  locks_[path] = token;
  return token;
}

Result<> MemoryFs::sync_directory(const std::string& path) {
  WEIR_TRY(check("sync", path));
  std::erase_if(synced_names_, [&](auto& entry) { return directory_of(entry.first) == path; });
  for (auto& [name, node] : files_)
    if (directory_of(name) == path) synced_names_[name] = node;
  return {};
}

Result<> MemoryFs::sync_disk(const std::string& path) {
  WEIR_TRY(check("sync", path));
  synced_names_ = files_;
  for (auto& [name, node] : files_) node->synced = node->content;
  return {};
}

void MemoryFs::cut_power(Rng& rng) {
  constexpr std::size_t sector = 512;
  std::map<std::string, std::shared_ptr<Node>> left;
  std::vector<std::string> names;
  for (auto* side : {&files_, &synced_names_})
    for (auto& [name, node] : *side) names.push_back(name);
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  for (auto& name : names) {
    auto in = [&](auto& side) { return side.contains(name) ? side[name] : nullptr; };
    auto current = in(files_), before = in(synced_names_);
    if (auto kept = current == before || rng.chance(0.5) ? current : before) left[name] = kept;
  }
  for (auto& [name, node] : left) {
    std::string& synced = node->synced;
    std::string& content = node->content;
    std::size_t small = std::min(synced.size(), content.size()), large = std::max(synced.size(), content.size());
    std::string after = synced;
    after.resize(small + rng.below(large - small + 1));
    for (std::size_t at = 0; at < after.size(); at += sector) {
      if (at >= content.size() || rng.chance(0.5)) continue;
      std::string_view part = std::string_view(content).substr(at, std::min(sector, after.size() - at));
      after.replace(at, part.size(), part);
    }
    content = synced = after;
  }
  files_ = synced_names_ = std::move(left);
  locks_.clear();
}

MemoryFs MemoryFs::copy() const {
  MemoryFs out;
  std::map<Node*, std::shared_ptr<Node>> copies;  // files that have a name in both maps stay one
  auto copy_of = [&](const std::shared_ptr<Node>& node) {
    auto& made = copies[node.get()];
    if (!made) made = std::make_shared<Node>(*node);
    return made;
  };
  for (auto& [name, node] : files_) out.files_[name] = copy_of(node);
  for (auto& [name, node] : synced_names_) out.synced_names_[name] = copy_of(node);
  out.directories_ = directories_;
  out.room = room;
  out.now = now;
  return out;
}

bool MemoryFs::flip_bit(const std::string& path, std::uint64_t bit) {
  auto at = files_.find(path);
  if (at == files_.end() || bit / 8 >= at->second->content.size()) return false;
  at->second->content[bit / 8] = static_cast<char>(at->second->content[bit / 8] ^ (1 << bit % 8));
  return true;
}

void MemoryFs::cut(const std::string& path, std::uint64_t size) {
  if (auto at = files_.find(path); at != files_.end() && size < at->second->content.size()) at->second->content.resize(size);
}

std::vector<std::string> MemoryFs::paths() const {
  std::vector<std::string> out;
  for (auto& [path, node] : files_) out.push_back(path);
  return out;
}

const std::string* MemoryFs::content(const std::string& path) const {
  auto at = files_.find(path);
  return at == files_.end() ? nullptr : &at->second->content;
}

}  // namespace weir::io
