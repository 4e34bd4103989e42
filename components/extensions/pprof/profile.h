#pragma once
// Stacks as a file that pprof reads: profile.proto, gzipped.
#include "base/time.h"
#include "components/extensions/pprof/sampler.h"
#include "components/extensions/pprof/symbols.h"

namespace weir::extensions::pprof {

// With names of functions, so that pprof needs no copy of the program.
Result<std::string> encode_profile(const Stacks& stacks, std::span<const Mapping> mappings, UnixNanos begun, Duration length);

}  // namespace weir::extensions::pprof
