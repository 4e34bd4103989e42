#pragma once
// Regular expressions and globs as functions use them.
#include "base/regex.h"
#include "ottl/function.h"

namespace weir::ottl {

class Pattern {
 public:
  static Result<Pattern> regex(std::string_view text);
  // *, **, ?, [a-z], [!a-z], {a,b}, \c; matches whole texts only, * also crosses slashes.
  static Result<Pattern> glob(std::string_view text);

  bool matches(std::string_view text) const { return regex_.matches(text); }
  // The first match at or behind `from`: the whole in [0], then the groups; views with null data() did not take part.
  bool find(const RegexText& subject, std::size_t from, std::vector<std::string_view>& groups) const;
  // By group number - 1; "" for groups without a name.
  const std::vector<std::string>& names() const { return names_; }

  // Calls each(groups, where the match begins) for every match from left to right; stops when it returns false. An empty match right behind
  // another match does not count.
  template <class Each>
  void each_match(std::string_view text, Each each) const {
    RegexText subject(text);
    text = subject.text();
    std::vector<std::string_view> found;
    std::size_t at = 0, last_end = std::string_view::npos;
    while (at <= text.size() && find(subject, at, found)) {
      std::size_t begin = static_cast<std::size_t>(found[0].data() - text.data()), end = begin + found[0].size();
      if (!(found[0].empty() && begin == last_end) && !each(found, begin)) return;
      last_end = end;
      at = found[0].empty() ? end + rune_size(text, end) : end;
    }
  }
  // Appends `replacement` with $1, ${1}, $name and ${name} filled in; $$ is a dollar.
  void expand(std::string_view replacement, const std::vector<std::string_view>& found, std::string& out) const;

 private:
  explicit Pattern(Regex regex) : regex_(std::move(regex)), names_(regex_.group_names()) {}
  static std::size_t rune_size(std::string_view text, std::size_t at);
  Regex regex_;
  std::vector<std::string> names_;
};

// The regex (or glob) of an argument: compiled once when it is a literal, otherwise whenever it changes.
class PatternArg : public Prepared {
 public:
  static Result<> prepare(Call& call, std::size_t argument, bool glob = false);
  // Null after an error.
  static const Pattern* get(EvalContext& c, const Call& call, std::size_t argument);
  // The one that is the same for every item, otherwise null.
  static const Pattern* fixed(const Call& call) {
    auto& self = static_cast<const PatternArg&>(*call.prepared);
    return self.fixed_ ? &*self.fixed_ : nullptr;
  }

 private:
  bool glob_ = false;
  std::optional<Pattern> fixed_;
  mutable std::optional<Pattern> latest_;
  mutable std::string latest_text_;
};

}  // namespace weir::ottl
