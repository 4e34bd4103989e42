#pragma once
#include "components/shared/net_config/client.h"

namespace weir::receivers::httpcheck {

struct Validation {
  std::string contains, not_contains, json_path, equals, regex;
  std::optional<std::int64_t> max_size, min_size;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

struct Target {
  net_config::HttpClient client;
  std::vector<std::string> endpoints;
  std::string method = "GET", body;
  bool auto_content_type = false;
  Duration timeout = 0s;
  std::vector<Validation> validations;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
  std::vector<std::string> urls() const;
};

struct Enabled {
  bool enabled = true;
  static std::span<const config::FieldInfo> fields();
};

struct Metrics {
  Enabled duration, error, status, response_size{false}, validation_passed{false}, validation_failed{false};
  static std::span<const config::FieldInfo> fields();
};

struct Config {
  std::vector<Target> targets;
  Duration collection_interval = 1min, initial_delay = 1s, timeout = 0s;
  Metrics metrics;

  static std::span<const config::FieldInfo> fields();
};

}  // namespace weir::receivers::httpcheck
