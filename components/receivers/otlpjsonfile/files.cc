#include "components/receivers/otlpjsonfile/files.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

namespace weir::receivers::otlpjsonfile {
namespace {

std::string identity_of(const struct stat& status) { return fmt::format("{}:{}", status.st_dev, status.st_ino); }

struct Closing {
  int fd;
  ~Closing() { ::close(fd); }
};

}  // namespace

std::vector<Found> find_files(const std::vector<std::string>& include, const std::vector<std::string>& exclude) {
  std::vector<Found> out;
  std::set<std::string> known;
  for (auto& pattern : include) {
    glob_t names{};
    if (::glob(pattern.c_str(), 0, nullptr, &names) == 0)
      for (std::size_t i = 0; i < names.gl_pathc; ++i) {
        std::string path = names.gl_pathv[i];
        bool excluded = std::ranges::any_of(exclude, [&](auto& other) { return ::fnmatch(other.c_str(), path.c_str(), FNM_PATHNAME) == 0; });
        struct stat status{};
        if (excluded || ::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
        std::string identity = identity_of(status);
        if (known.insert(identity).second) out.push_back({std::move(path), std::move(identity), static_cast<std::uint64_t>(status.st_size)});
      }
    ::globfree(&names);
  }
  return out;
}

Piece read_piece(const std::string& path, const std::string& identity, std::uint64_t offset, bool skipping, std::size_t wanted, std::size_t longest) {
  Piece out{.next = offset, .skipping = skipping};
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return out.gone = true, out;
  Closing closing{fd};
  struct stat status{};
  if (::fstat(fd, &status) != 0 || identity_of(status) != identity || static_cast<std::uint64_t>(status.st_size) < offset) return out.gone = true, out;
  std::string data;
  for (std::size_t size = wanted;;) {
    std::size_t before = data.size();
    data.resize(size);
    ssize_t got = ::pread(fd, data.data() + before, size - before, static_cast<off_t>(offset + before));
    data.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    bool at_end = got <= 0 || data.size() < size;
    if (data.rfind('\n') != data.npos || at_end || data.size() > longest) break;
    size = std::min(2 * size, longest + 1);
  }
  std::size_t at = 0;
  for (std::size_t end; (end = data.find('\n', at)) != data.npos; at = end + 1) {
    std::string_view line = std::string_view(data).substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (out.skipping) {
      out.skipping = false;
    } else if (line.size() > longest) {
      ++out.too_long;
    } else if (line.find_first_not_of(" \t") != line.npos) {
      out.lines.emplace_back(line);
    }
  }
  if (data.size() - at > longest || out.skipping) {
    if (!out.skipping) ++out.too_long;
    out.skipping = true;
    at = data.size();
  }
  out.next = offset + at;
  return out;
}

}  // namespace weir::receivers::otlpjsonfile
