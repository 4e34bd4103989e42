#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::receivers::httpcheck {

// Where a value stands in JSON: names and numbers of elements with dots between them, * and ? in names, # for the length of an array, #.x
// for x of each of its elements, \ before a character that means itself.
class JsonPath {
 public:
  static Result<JsonPath> parse(std::string_view path);
  // The value as text, JSON for arrays and objects; nullopt: there is none, or the text is not JSON.
  std::optional<std::string> find(std::string_view json) const;

  struct Step {
    std::string name;
    bool pattern = false;  // has * or ?
    bool each = false;     // #
  };

 private:
  std::vector<Step> steps_;
};

}  // namespace weir::receivers::httpcheck
