#include "storage/log_files.h"

namespace weir::storage {

Result<std::shared_ptr<LogFiles>> LogFiles::open(io::Fs& fs, const std::string& directory) {
  WEIR_TRY(fs.make_directory(directory, 0750));
  if (auto slash = directory.rfind('/'); slash != directory.npos && slash > 0) (void)fs.sync_directory(directory.substr(0, slash));
  WEIR_ASSIGN(auto found, fs.list(directory));
  // Shared by the cores of one log.
  std::shared_ptr<LogFiles> out(new LogFiles(fs, directory));
  std::vector<FreeSegment> of_others;
  for (auto& info : found) {
    auto name = SegmentName::parse(info.name);
    if (!name || info.is_directory) continue;
    out->next_number_ = std::max(out->next_number_.load(), name->number + 1);
    out->count(static_cast<std::int64_t>(info.size));
    if (out->free_.contains(name->number)) of_others.push_back({*name, info.size});
    else out->give_back({*name, info.size});
  }
  for (FreeSegment& segment : of_others) out->take_in(segment);
  return out;
}

void LogFiles::take_in(FreeSegment segment) {
  SegmentName renamed{next_number(), segment.name.salt};
  (void)fs_.rename(path(segment.name.settled_file()), path(renamed.settled_file()));  // mostly there is none
  if (!fs_.rename(path(segment.name.segment_file()), path(renamed.segment_file()))) return;
  segment.name = renamed;
  give_back(segment);
}

std::optional<FreeSegment> LogFiles::claim(bool newest) {
  if (!has_free()) return {};
  std::lock_guard lock(mutex_);
  if (free_.empty()) return {};
  auto at = newest ? std::prev(free_.end()) : free_.begin();
  FreeSegment out = at->second;
  free_.erase(at);
  free_count_ = free_.size();
  return out;
}

void LogFiles::give_back(const FreeSegment& segment) {
  std::lock_guard lock(mutex_);
  free_.emplace(segment.name.number, segment);
  free_count_ = free_.size();
}

}  // namespace weir::storage
