#include "components/exporters/file/files.h"

#include "base/text.h"

namespace weir::exporters::file {
namespace {

std::string directory_of(std::string_view path) {
  auto slash = path.rfind('/');
  if (slash == path.npos) return ".";
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

// Without ".", "..", doubled and trailing slashes; like Go's path.Clean.
std::string clean(std::string_view path) {
  bool rooted = path.starts_with('/');
  std::vector<std::string_view> kept;
  for (auto part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..")
      kept.push_back(part);
    else if (!kept.empty() && kept.back() != "..")
      kept.pop_back();
    else if (!rooted)
      kept.push_back(part);
  }
  std::string out = fmt::format("{}{}", rooted ? "/" : "", fmt::join(kept, "/"));
  return out.empty() ? "." : out;
}

}  // namespace

Result<> Files::start() {
  std::lock_guard lock(mutex_);
  if (config_.create_directory) {
    auto star = config_.group_by.enabled ? config_.path.find('*') : config_.path.npos;
    WEIR_TRY(fs_.make_directory(directory_of(config_.path.substr(0, star)), config_.permissions()));
  }
  if (config_.group_by.enabled) return {};
  auto opened = find(config_.path);
  if (!opened) return fail(opened.error());
  return {};
}

Result<> Files::write(std::string_view segment, std::span<const std::string_view> pieces, UnixNanos now) {
  std::lock_guard lock(mutex_);
  WEIR_ASSIGN(RotatingFile * file, find(config_.group_by.enabled ? path_of(segment) : config_.path));
  return file->write(pieces, now);
}

std::string Files::path_of(std::string_view segment) const {
  auto star = config_.path.find('*');
  std::string_view front = std::string_view(config_.path).substr(0, star), back = std::string_view(config_.path).substr(star + 1);
  std::string prefix = clean(front);
  if (front.ends_with('/') && !prefix.ends_with('/')) prefix += '/';
  if (segment.starts_with("./")) segment.remove_prefix(1);
  else if (segment.starts_with("../")) segment.remove_prefix(2);
  std::string whole = clean(fmt::format("{}{}{}", prefix, segment, back));
  if (whole.starts_with(prefix)) return whole;
  return clean(fmt::format("{}/{}", prefix, clean(fmt::format("/{}{}", segment, back))));
}

Result<RotatingFile*> Files::find(std::string path) {
  auto at = std::find_if(open_.begin(), open_.end(), [&](const Open& o) { return o.path == path; });
  if (at != open_.end()) {
    open_.splice(open_.begin(), open_, at);
    return &open_.front().file;
  }
  if (config_.group_by.enabled) WEIR_TRY(fs_.make_directory(directory_of(path), config_.permissions()));
  // A file that was closed to make room is gone on with, not emptied.
  bool append = config_.append || config_.group_by.enabled;
  WEIR_ASSIGN(RotatingFile file, RotatingFile::open(fs_, path, config_.rotation, append));
  open_.push_front({std::move(path), std::move(file)});
  if (open_.size() > std::max<std::size_t>(1, config_.group_by.max_open_files)) open_.pop_back();
  return &open_.front().file;
}

}  // namespace weir::exporters::file
