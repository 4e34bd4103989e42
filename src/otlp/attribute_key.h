#pragma once
// Attributes as a key of tables.
#include "otlp/codec.h"

namespace weir::otlp {

// Equal texts for equal attributes, in whatever order. `scratch` is overwritten.
std::string key_of(const Attributes& attributes, Writer& scratch);

}  // namespace weir::otlp
