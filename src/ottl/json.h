#pragma once
// JSON text → attribute values, with all numbers as doubles.
#include "base/result.h"
#include "otlp/model.h"

namespace weir::ottl {

// Text and containers are in `arena` or views into `text`. At most 64 levels deep.
Result<otlp::Value> parse_json(std::string_view text, Arena& arena);

}  // namespace weir::ottl
