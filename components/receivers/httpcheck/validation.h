#pragma once
// What bodies of answers have to have.
#include "base/regex.h"
#include "components/receivers/httpcheck/config.h"
#include "components/receivers/httpcheck/json_path.h"

namespace weir::receivers::httpcheck {

// How many rules of one type held, or did not.
struct Verdict {
  std::string_view type;
  std::int64_t passed = 0, failed = 0;
};

class Validator {
 public:
  static Result<Validator> make(std::span<const Validation> rules);
  bool empty() const { return rules_.empty(); }
  std::vector<Verdict> check(std::string_view body) const;

 private:
  struct Rule {
    Validation settings;
    std::optional<JsonPath> path;
    std::optional<Regex> regex;
  };
  std::vector<Rule> rules_;
};

}  // namespace weir::receivers::httpcheck
