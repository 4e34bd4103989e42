#pragma once
// Paths with wildcards.
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::receivers::filelog {

// *, ?, [a-z] and [^a-z] within a part of a path, {a,b} anywhere, ** as a whole part for any number of folders.
class Glob {
 public:
  // Errc::config when it is not well formed, or stands for more than 1000 alternatives.
  static Result<Glob> compile(std::string_view pattern);

  // The whole path.
  bool matches(std::string_view path) const;
  struct Matches {
    std::vector<std::string> files;
    std::vector<std::string> directories;  // where other files could appear that match
  };
  // Adds what matches. Reads directories: blocks. Symbolic links are followed, 40 levels deep at most.
  void find(Matches& matches) const;

 private:
  using Parts = std::vector<std::string>;
  static bool matches(const Parts& parts, std::size_t at, std::string_view path);
  static void find(const Parts& parts, std::size_t at, const std::string& base, int depth, Matches& matches);

  std::vector<Parts> alternatives_;  // split at slashes
};

// One part of a path. Neither holds a slash.
bool matches_part(std::string_view pattern, std::string_view name);

}  // namespace weir::receivers::filelog
