#include "components/exporters/file/rotating_file.h"

#include <ctime>

#include "base/log.h"

namespace weir::exporters::file {
namespace {

struct Parts {
  std::string_view directory, stem, extension;  // "/data/", "spans", ".json"
};

Parts parts_of(std::string_view path) {
  std::size_t name = path.rfind('/') + 1;
  std::size_t dot = path.rfind('.');
  if (dot == path.npos || dot < name) dot = path.size();
  return {path.substr(0, name), path.substr(name, dot - name), path.substr(dot)};
}

std::string stamp(UnixNanos now, bool local) {
  std::time_t seconds = static_cast<std::time_t>(now / 1'000'000'000);
  std::tm t{};
  local ? ::localtime_r(&seconds, &t) : ::gmtime_r(&seconds, &t);
  return fmt::format("{:04}-{:02}-{:02}T{:02}-{:02}-{:02}.{:03}", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min,
                     t.tm_sec, now / 1'000'000 % 1000);
}

std::optional<UnixNanos> parse_stamp(std::string_view text, bool local) {
  constexpr std::string_view form = "0000-00-00T00-00-00.000";
  bool fits = text.size() == form.size() && std::equal(text.begin(), text.end(), form.begin(), [](char c, char f) {
                return f == '0' ? c >= '0' && c <= '9' : c == f;
              });
  if (!fits) return {};
  auto number = [&](std::size_t at, std::size_t digits) {
    int out = 0;
    for (char c : text.substr(at, digits)) out = out * 10 + (c - '0');
    return out;
  };
  std::tm t{};
  t.tm_year = number(0, 4) - 1900;
  t.tm_mon = number(5, 2) - 1;
  t.tm_mday = number(8, 2);
  t.tm_hour = number(11, 2);
  t.tm_min = number(14, 2);
  t.tm_sec = number(17, 2);
  t.tm_isdst = -1;
  std::time_t seconds = local ? std::mktime(&t) : ::timegm(&t);
  return static_cast<UnixNanos>(seconds) * 1'000'000'000 + static_cast<UnixNanos>(number(20, 3)) * 1'000'000;
}

// When a file of this name was renamed; nothing for files that are no backups of ours.
std::optional<UnixNanos> renamed_at(const Parts& parts, std::string_view name, bool local) {
  std::size_t around = parts.stem.size() + 1 + parts.extension.size();
  if (name.size() < around || !name.starts_with(parts.stem) || !name.ends_with(parts.extension) || name[parts.stem.size()] != '-')
    return {};
  return parse_stamp(name.substr(parts.stem.size() + 1, name.size() - around), local);
}

}  // namespace

std::string backup_name(std::string_view path, UnixNanos now, bool local) {
  Parts parts = parts_of(path);
  return fmt::format("{}{}-{}{}", parts.directory, parts.stem, stamp(now, local), parts.extension);
}

Result<RotatingFile> RotatingFile::open(io::Fs& fs, std::string path, const std::optional<Rotation>& rotation, bool append) {
  auto mode = rotation || append ? io::OpenMode::append : io::OpenMode::replace;
  WEIR_ASSIGN(auto file, fs.open(path, mode, 0644));
  return RotatingFile(fs, std::move(path), rotation, std::move(file));
}

Result<> RotatingFile::write(std::span<const std::string_view> pieces, UnixNanos now) {
  WEIR_TRY(take_back());
  std::uint64_t size = 0;
  for (auto piece : pieces) size += piece.size();
  // A record that is larger than a file may be gets a file of its own.
  if (rotation_ && good_ > 0 && good_ + size > rotation_->max_megabytes * 1024 * 1024) try_to_rotate(now);
  if (auto written = file_->append(pieces); !written) {
    // When this fails too, the next write tries again and writes nothing before it worked.
    (void)take_back();
    return written;
  }
  good_ += size;
  return {};
}

Result<> RotatingFile::take_back() {
  if (file_->size() == good_) return {};
  return file_->truncate(good_);
}

// A file that grows too large is better than data that is not written.
void RotatingFile::try_to_rotate(UnixNanos now) {
  static log::RateLimit lines;
  long long more = 0;
  if (auto rotated = rotate(now); !rotated && lines.allow(more))
    log::warn("Rotating a file failed; the old one is used on.", {{"path", path_}, {"error", rotated.error().what}, {"suppressed", more}});
}

Result<> RotatingFile::rotate(UnixNanos now) {
  std::string to = backup_name(path_, now, rotation_->localtime);
  // Two in one millisecond: the earlier one must not be overwritten.
  for (int i = 0; i < 1000; ++i) {
    WEIR_ASSIGN(auto there, fs_->info(to));
    if (!there) break;
    to = backup_name(path_, now += 1'000'000, rotation_->localtime);
  }
  // It is not there when it was renamed before and no new one could be opened.
  WEIR_ASSIGN(auto current, fs_->info(path_));
  if (current) WEIR_TRY(fs_->rename(path_, to));
  WEIR_ASSIGN(file_, fs_->open(path_, io::OpenMode::append, 0644));
  good_ = file_->size();
  return remove_old(now);
}

Result<> RotatingFile::remove_old(UnixNanos now) {
  Parts parts = parts_of(path_);
  std::string directory(parts.directory.empty() ? "." : parts.directory.size() > 1 ? parts.directory.substr(0, parts.directory.size() - 1) : "/");
  WEIR_ASSIGN(auto files, fs_->list(directory));
  std::vector<std::pair<UnixNanos, std::string>> backups;
  for (auto& file : files)
    if (auto at = renamed_at(parts, file.name, rotation_->localtime)) backups.emplace_back(*at, std::string(parts.directory) + file.name);
  std::sort(backups.begin(), backups.end());
  std::uint64_t max_age = rotation_->max_days * 24 * 3600 * 1'000'000'000;
  for (std::size_t i = 0; i < backups.size(); ++i) {
    bool too_many = rotation_->max_backups != 0 && backups.size() - i > rotation_->max_backups;
    bool too_old = max_age != 0 && backups[i].first + max_age < now;
    if (too_many || too_old) WEIR_TRY(fs_->remove(backups[i].second));
  }
  return {};
}

}  // namespace weir::exporters::file
