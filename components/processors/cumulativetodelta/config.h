#pragma once
#include "base/regex.h"
#include "components/shared/matching/properties.h"
#include "config/field.h"

namespace weir::processors::cumulativetodelta {

enum class InitialValue : std::uint8_t { automatic, keep, drop };
std::span<const config::Choice> choices_of(InitialValue);

struct Match {
  matching::MatchType match_type = matching::MatchType::none;
  std::vector<std::string> metrics;
  std::vector<std::string> metric_types;

  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

struct Config {
  Duration max_staleness = 1h;
  InitialValue initial_value = InitialValue::automatic;
  Match include, exclude;
  std::uint64_t max_streams = 1'000'000, max_streams_per_metric = 250'000;

  static std::span<const config::FieldInfo> fields();
};

}  // namespace weir::processors::cumulativetodelta
