#pragma once
// References in values: ${env:X}, ${env:X:-default}, ${file:...}, ${X}, the old $X, and $$ for one dollar sign.
#include "config/provider.h"

namespace weir::config {

// Expands every string of the tree in place; keys stay as they are. A value that is one reference becomes what is
// behind it, of any type, and keeps the original text; inside of a text only scalars can stand.
void expand(Value& value, const Environment& environment, Problems& problems, const Limits& limits = {});

}  // namespace weir::config
