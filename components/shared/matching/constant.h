#pragma once
// A value from a configuration as the attribute value it stands for.
#include "config/value.h"
#include "otlp/model.h"

namespace weir::matching {

// Types are kept as YAML has them: 123 is an integer, "123" a string, null an empty value. Text is copied.
otlp::Value to_otlp(const config::Value& value, Arena& arena);

}  // namespace weir::matching
