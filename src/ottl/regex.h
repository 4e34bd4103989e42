#pragma once
// Regular expressions in the collector's (RE2's) syntax, and globs.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ottl/function.h"

namespace weir::ottl {

class Regex {
 public:
  static Result<std::unique_ptr<Regex>> make(std::string_view pattern);
  // *, **, ?, [a-z], [!a-z], {a,b}, \c; matches whole texts only, * also crosses slashes.
  static Result<std::unique_ptr<Regex>> glob(std::string_view pattern);
  ~Regex();

  bool matches(std::string_view text) const;
  // The first match at or behind `from`: the whole in [0], then the groups; views with null data() did not take part.
  bool find(std::string_view text, std::size_t from, std::vector<std::string_view>& groups) const;
  // Number of groups, without the whole.
  std::size_t groups() const { return names_.size(); }
  // By group number - 1; "" for groups without a name.
  const std::vector<std::string>& names() const { return names_; }

  // Calls each(groups) for every match from left to right; stops when it returns false. An empty match right behind
  // another match does not count.
  template <class Each>
  void each_match(std::string_view text, Each each) const {
    std::vector<std::string_view> found;
    std::size_t at = 0, last_end = std::string_view::npos;
    while (at <= text.size() && find(text, at, found)) {
      std::size_t begin = static_cast<std::size_t>(found[0].data() - text.data()), end = begin + found[0].size();
      if (!(found[0].empty() && begin == last_end) && !each(found)) return;
      last_end = end;
      at = end > begin || end > at ? end : end + rune_size(text, end);
      if (found[0].empty() && at == end) at = end + rune_size(text, end);
    }
  }
  // Appends `replacement` with $1, ${1}, $name and ${name} filled in; $$ is a dollar.
  void expand(std::string_view replacement, const std::vector<std::string_view>& found, std::string& out) const;

 private:
  struct Impl;
  Regex();
  static std::size_t rune_size(std::string_view text, std::size_t at);
  std::unique_ptr<Impl> impl_;
  std::vector<std::string> names_;
};

// The regex (or glob) of an argument: compiled once when it is a literal, otherwise whenever it changes.
class PatternArg : public Prepared {
 public:
  static Result<> prepare(Call& call, std::size_t argument, bool glob = false);
  // Null after an error.
  static const Regex* get(EvalContext& c, const Call& call, std::size_t argument);
  const Regex* fixed() const { return fixed_.get(); }

 private:
  bool glob_ = false;
  std::unique_ptr<Regex> fixed_;
  mutable std::unique_ptr<Regex> latest_;
  mutable std::string latest_text_;
};

}  // namespace weir::ottl
