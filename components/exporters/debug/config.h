#pragma once
#include "config/field.h"

namespace weir::exporters::debug {

enum class Verbosity : std::uint8_t { basic, normal, detailed };
std::span<const config::Choice> choices_of(Verbosity);

struct Config {
  Verbosity verbosity = Verbosity::basic;
  std::uint64_t sampling_initial = 2;
  std::uint64_t sampling_thereafter = 1;
  bool use_internal_logger = true;
  std::vector<std::string> output_paths;
  std::string loglevel;

  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
  // The verbosity, also from the older `loglevel`.
  Verbosity level() const;
};

}  // namespace weir::exporters::debug
