#pragma once
// Expected against arrived items: which belong together, and how the rest differs.
#include "config/value.h"

namespace weir::app::scenario {

// Where `actual` is not what `expected` asks for, one line each: "attributes.user: expected "x", got nothing". Maps may have
// more than is expected, lists not; an expected null is "absent".
std::vector<std::string> differences(const config::Value& expected, const config::Value& actual);

// Pairs the items, whatever their order. Empty when every item has its partner; otherwise lines with - for what is
// missing, + for what nobody expected, and under each - how it differs from the + that is most like it.
std::string diff(const std::vector<config::Value>& expected, const std::vector<config::Value>& actual);

// {name: GET, attributes: {user: x}}
std::string one_line(const config::Value& value);

}  // namespace weir::app::scenario
