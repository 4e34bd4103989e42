#pragma once
// Time zones of the IANA database, as installed with the operating system.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::ottl {

class Zone {
 public:
  // What applies at one moment, and the seconds since 1970 from which and until which it does.
  struct Rule {
    std::int32_t offset = 0;  // seconds east of UTC
    std::string abbreviation = "UTC";
    std::int64_t begin = std::numeric_limits<std::int64_t>::min(), end = std::numeric_limits<std::int64_t>::max();
  };

  // "" and "UTC" are UTC, "Local" is the machine's zone. Reads files: not for use while data flows.
  static Result<std::shared_ptr<const Zone>> load(std::string_view name);

  Rule at(std::int64_t unix) const;
  // The moment that a clock on the wall shows; where it shows a time twice or never, one of the candidates.
  Rule at_wall(std::int64_t wall) const;
  // True when the zone ever uses the abbreviation; `offset` is the one in use nearest to `wall`.
  bool named(std::string_view abbreviation, std::int64_t wall, std::int32_t& offset) const;

 private:
  struct Kind {
    std::int32_t offset;
    bool dst;
    std::string abbreviation;
  };
  struct YearlyRule;
  Result<> parse(std::string_view file);
  Rule future(std::int64_t unix) const;

  std::vector<std::int64_t> changes_;
  std::vector<unsigned char> kinds_at_;
  std::vector<Kind> kinds_;
  std::string yearly_;  // POSIX TZ text for what comes after the last change
};

}  // namespace weir::ottl
