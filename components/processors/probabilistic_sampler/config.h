#pragma once
#include "config/field.h"

namespace weir::processors::probabilistic_sampler {

enum class Mode : std::uint8_t { hash_seed, equalizing, proportional };
std::span<const config::Choice> choices_of(Mode);

enum class Source : std::uint8_t { trace_id, record };
std::span<const config::Choice> choices_of(Source);

struct Config {
  float sampling_percentage = 0;
  std::uint32_t hash_seed = 0;
  Mode mode = Mode::hash_seed;
  bool fail_closed = true;
  std::int32_t sampling_precision = 4;
  Source attribute_source = Source::trace_id;
  std::string from_attribute, sampling_priority;

  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

}  // namespace weir::processors::probabilistic_sampler
