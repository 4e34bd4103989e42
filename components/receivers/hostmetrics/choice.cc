#include "components/receivers/hostmetrics/choice.h"

#include <algorithm>

namespace weir::receivers::hostmetrics {

bool Names::has(std::string_view name) const {
  if (std::find(texts.begin(), texts.end(), name) != texts.end()) return true;
  return std::any_of(patterns.begin(), patterns.end(), [&](const Regex& p) { return p.matches(name); });
}

Result<Names> Names::of(const std::optional<Filter>& filter, std::vector<std::string> Filter::* list) {
  Names out;
  if (!filter || ((*filter).*list).empty()) return out;
  out.given = true;
  for (auto& text : (*filter).*list) {
    if (filter->match_type != "regexp") {
      out.texts.push_back(text);
      continue;
    }
    WEIR_ASSIGN(Regex pattern, Regex::compile(text));
    out.patterns.push_back(std::move(pattern));
  }
  return out;
}

Result<Choice> Choice::of(const std::optional<Filter>& include, const std::optional<Filter>& exclude, std::vector<std::string> Filter::* list) {
  Choice out;
  WEIR_ASSIGN(out.include, Names::of(include, list));
  WEIR_ASSIGN(out.exclude, Names::of(exclude, list));
  return out;
}

}  // namespace weir::receivers::hostmetrics
