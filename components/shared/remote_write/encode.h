#pragma once
#include "components/shared/remote_write/decode.h"

namespace weir::remote_write {

// The bytes a series adds to a request, about; for cutting requests at a size.
std::size_t size_of(const Series& series);

// One request. `metadata`: 1.0 only, 2.0 has it with the series.
std::string encode(Version version, std::span<const Series* const> series, std::span<const Metadata> metadata = {});

}  // namespace weir::remote_write
