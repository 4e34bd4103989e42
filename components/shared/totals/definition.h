#pragma once
// What a connector wants to know of the items of one context.
#include "config/value.h"
#include "ottl/context.h"

namespace weir::totals {

// One metric that is made.
struct Definition {
  struct Attribute {
    std::string key;
    config::Value default_value;  // null: none
  };
  std::string name, description;
  std::vector<std::string> conditions;
  std::vector<Attribute> attributes;
  std::string source;  // the attribute that is added up; empty: items are counted
};
using Definitions = std::vector<Definition>;

}  // namespace weir::totals
