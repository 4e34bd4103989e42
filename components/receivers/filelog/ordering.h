#pragma once
// Which of the files that were found are read: the first in some order, or those that changed lately.
#include "base/regex.h"
#include "components/receivers/filelog/config.h"
#include "ottl/time/layout.h"

namespace weir::receivers::filelog {

struct Found {
  std::string path;
  std::uint64_t device = 0, inode = 0, size = 0;
  UnixNanos modified = 0;
};

class Ordering {
 public:
  static Result<Ordering> make(const OrderingCriteria& criteria, Duration exclude_older_than);
  void apply(std::vector<Found>& files, UnixNanos now) const;

 private:
  struct Rule {
    SortType type;
    std::size_t group = 0;  // of regex_
    bool ascending;
    std::shared_ptr<const ottl::TimeLayout> layout;  // shared by copies of a rule
    std::shared_ptr<const ottl::Zone> zone;          // shared with the zone database's other users
  };
  void sort(std::vector<Found>& files, const Rule& rule, UnixNanos now) const;
  void choose(std::vector<Found>& files, UnixNanos now) const;

  Duration older_than_{};
  std::optional<Regex> regex_, group_by_;
  std::vector<Rule> rules_;
  std::size_t top_n_ = 1;
};

}  // namespace weir::receivers::filelog
