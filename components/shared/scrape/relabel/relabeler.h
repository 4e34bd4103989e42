#pragma once
// Rules at work on labels, one after another.
#include <memory>

#include "base/regex.h"
#include "components/shared/scrape/relabel/rule.h"

namespace weir::scrape {

// Move-only; for one core, because its regular expressions are.
class Relabeler {
 public:
  // Told after each rule with what it made of the labels; `kept` is false when it dropped them.
  using Trace = std::function<void(std::size_t rule, const Labels& labels, bool kept)>;

  // Of no rules: keeps everything as it is.
  Relabeler() = default;
  // Errc::config for rules that are not right.
  static Result<Relabeler> make(std::span<const Rule> rules, Naming naming);

  // False when a rule drops them.
  bool apply(Labels& labels, const Trace& trace = {}) const;
  bool empty() const { return steps_.empty(); }

 private:
  struct Step {
    Rule rule;
    std::optional<Regex> regex;  // none: matches everything
    std::vector<std::string> names;  // of its groups
  };
  class Edited;
  bool apply(const Step& step, Edited& labels) const;
  void replace(const Step& step, const std::string& value, Edited& labels) const;

  std::vector<Step> steps_;
  Naming naming_ = Naming::utf8;
};

// $1, ${1}, $name, ${name} and $$ in `text` as Go's regexp expands them. groups[0] is the whole match, names[0] the
// name of groups[1].
std::string expand(std::string_view text, std::span<const std::string_view> groups, std::span<const std::string> names);

}  // namespace weir::scrape
