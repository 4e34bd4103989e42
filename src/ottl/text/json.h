#pragma once
// JSON text → attribute values.
#include "base/result.h"
#include "otlp/model.h"

namespace weir::ottl {

// whole_or_real: numbers without fraction and exponent are integers if they fit; real: all are doubles.
enum class JsonNumbers : std::uint8_t { real, whole_or_real };

// Text and containers are in `arena` or views into `text`. At most 64 levels deep.
Result<otlp::Value> parse_json(std::string_view text, Arena& arena, JsonNumbers numbers = JsonNumbers::real);

// The same for the first value of a stream: what follows it does not matter.
Result<otlp::Value> parse_first_json(std::string_view text, Arena& arena, JsonNumbers numbers);

}  // namespace weir::ottl
