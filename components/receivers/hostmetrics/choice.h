#pragma once
// Which devices, interfaces, mount points or processes are looked at.
#include "base/regex.h"
#include "components/receivers/hostmetrics/config.h"

namespace weir::receivers::hostmetrics {

// A list of names, or regular expressions.
struct Names {
  std::vector<std::string> texts;
  std::vector<Regex> patterns;
  bool given = false;

  static Result<Names> of(const std::optional<Filter>& filter, std::vector<std::string> Filter::* list);
  bool has(std::string_view name) const;
};

struct Choice {
  Names include, exclude;

  static Result<Choice> of(const std::optional<Filter>& include, const std::optional<Filter>& exclude, std::vector<std::string> Filter::* list);
  bool takes(std::string_view name) const { return (!include.given || include.has(name)) && (!exclude.given || !exclude.has(name)); }
};

}  // namespace weir::receivers::hostmetrics
