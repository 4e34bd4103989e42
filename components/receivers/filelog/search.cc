#include "components/receivers/filelog/search.h"

#include <sys/stat.h>

namespace weir::receivers::filelog {
namespace {

void add_file(const std::string& path, std::vector<Found>& found) {
  struct stat s;
  if (::stat(path.c_str(), &s) != 0) return;
  found.push_back({path, s.st_dev, s.st_ino, static_cast<std::uint64_t>(s.st_size),
                   static_cast<UnixNanos>(s.st_mtim.tv_sec) * 1'000'000'000u + static_cast<UnixNanos>(s.st_mtim.tv_nsec)});
}

bool is_link(const std::string& path) {
  struct stat s;
  return ::lstat(path.c_str(), &s) == 0 && S_ISLNK(s.st_mode);
}

Result<std::vector<Glob>> compile(const std::vector<std::string>& patterns) {
  std::vector<Glob> out;
  for (auto& pattern : patterns) {
    WEIR_ASSIGN(auto glob, Glob::compile(pattern));
    out.push_back(std::move(glob));
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<Search>> Search::make(const Config& config) {
  std::unique_ptr<Search> out(new Search());
  WEIR_ASSIGN(out->include_, compile(config.include));
  WEIR_ASSIGN(out->exclude_, compile(config.exclude));
  WEIR_ASSIGN(auto ordering, Ordering::make(config.ordering_criteria, config.exclude_older_than));
  out->ordering_.emplace(std::move(ordering));
  auto& order = config.ordering_criteria.sort_by;
  out->by_time_ = std::any_of(order.begin(), order.end(), [](auto& sort) { return sort.sort_type == SortType::mtime; });
  out->by_age_ = config.exclude_older_than > 0s;
  return out;
}

Glob::Matches Search::find() const {
  Glob::Matches out;
  for (auto& glob : include_) glob.find(out);
  auto& files = out.files;
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  std::erase_if(files, [&](auto& path) { return std::any_of(exclude_.begin(), exclude_.end(), [&](auto& glob) { return glob.matches(path); }); });
  return out;
}

void Search::look(bool watching, UnixNanos now) {
  Glob::Matches matches = find();
  // What appears in a directory before it is watched is not told: it is looked at once more.
  constexpr int most_looks = 4;
  for (int i = 0; watching && i < most_looks && watch_.set(std::move(matches.directories), matches.files); ++i) matches = find();
  found.clear();
  for (auto& path : matches.files) add_file(path, found);
  note_dangling(matches.files);
  paths_ = std::move(matches.files);
  ordering_->apply(found, now);
  chosen_.clear();
  for (auto& file : found) chosen_.push_back(file.path);
  std::sort(chosen_.begin(), chosen_.end());
}

// What is written to may change places with others, or be young again.
bool Search::may_change_choice(const std::vector<std::string>& written) const {
  if (!by_time_ && !by_age_) return false;
  return std::any_of(written.begin(), written.end(), [&](auto& path) {
    return std::binary_search(paths_.begin(), paths_.end(), path) && (by_time_ || !std::binary_search(chosen_.begin(), chosen_.end(), path));
  });
}

void Search::note_dangling(const std::vector<std::string>& files) {
  std::set_difference(paths_.begin(), paths_.end(), files.begin(), files.end(), std::back_inserter(dangling_));
  std::erase_if(dangling_, [&](auto& path) { return !is_link(path) || std::binary_search(files.begin(), files.end(), path); });
}

bool Search::look_at(const std::vector<std::string>& written, UnixNanos now) {
  if (may_change_choice(written)) return look(true, now), true;
  found.clear();
  for (auto& path : written)
    if (std::binary_search(chosen_.begin(), chosen_.end(), path)) add_file(path, found);
  return false;
}

}  // namespace weir::receivers::filelog
