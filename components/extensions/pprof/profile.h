#pragma once
// Stacks as a file that pprof reads: profile.proto, gzipped.
#include "base/time.h"
#include "components/extensions/pprof/sampler.h"
#include "components/extensions/pprof/symbols.h"

namespace weir::extensions::pprof {

struct ValueType {
  std::string type, unit;
};

// Stacks with a value of each type.
struct Profile {
  std::vector<ValueType> types;
  ValueType period_type;
  std::uint64_t period = 0;
  std::map<std::vector<std::uintptr_t>, std::vector<std::uint64_t>> samples;
};

Profile cpu_profile(const Stacks& stacks);

// With names of functions, so that pprof needs no copy of the program.
Result<std::string> encode_profile(const Profile& profile, std::span<const Mapping> mappings, UnixNanos begun, Duration length);

}  // namespace weir::extensions::pprof
