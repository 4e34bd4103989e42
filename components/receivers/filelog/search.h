#pragma once
// Which files there are to read, and which of them were written to.
#include "components/receivers/filelog/glob.h"
#include "components/receivers/filelog/ordering.h"
#include "components/receivers/filelog/watch.h"

namespace weir::receivers::filelog {

// One thread at a time: a worker's while it runs, otherwise the reader's core.
class Search {
 public:
  static Result<std::unique_ptr<Search>> make(const Config& config);

  // Looks at everything. With `watching` it is told from now on what changes. Blocks.
  void look(bool watching, UnixNanos now);
  // Looks only at those of the chosen files that were written to; true when that changes which are chosen, and it had to look at everything.
  // Blocks.
  bool look_at(const std::vector<std::string>& written, UnixNanos now);
  std::vector<Found> found;  // by the look

  // True when changes() tells enough to go without looks at everything for a while.
  bool watched() const { return watch_.complete() && dangling_.empty(); }
  DirectoryWatch::Changes changes() { return watch_.take(); }

 private:
  Search() = default;
  Glob::Matches find() const;
  bool may_change_choice(const std::vector<std::string>& written) const;
  void note_dangling(const std::vector<std::string>& files);

  std::vector<Glob> include_, exclude_;
  std::optional<Ordering> ordering_;
  bool by_time_ = false, by_age_ = false;  // which files are chosen depends on when they were written to
  std::vector<std::string> dangling_;  // links that lead nowhere now: what they will lead to is in directories that are not watched
  DirectoryWatch watch_;
  std::vector<std::string> paths_, chosen_;  // by the last look at everything, sorted; chosen by order and age
};

}  // namespace weir::receivers::filelog
