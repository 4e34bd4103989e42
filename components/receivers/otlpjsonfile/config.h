#pragma once
#include "config/component_id.h"
#include "config/field.h"

namespace weir::receivers::otlpjsonfile {

enum class StartAt : std::uint8_t { end, beginning };
std::span<const config::Choice> choices_of(StartAt);

struct Config {
  std::vector<std::string> include, exclude;
  StartAt start_at = StartAt::end;
  Duration poll_interval = 200ms;
  config::ByteSize max_log_size{16 * 1024 * 1024};
  bool include_file_name = true, include_file_path = false, replay_file = false;
  config::ComponentId storage;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

}  // namespace weir::receivers::otlpjsonfile
