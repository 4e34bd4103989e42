#pragma once
#include "components/shared/exporting/config.h"
#include "components/shared/net_config/client.h"
#include "otlp/model.h"

namespace weir::exporters::elasticsearch {

// How telemetry becomes documents.
enum class Mode : std::uint8_t { otel, ecs, none, raw, bodymap };
std::span<const config::Choice> choices_of(Mode);

struct Enabled {
  bool enabled = false;
  static std::span<const config::FieldInfo> fields();
};

struct LogstashFormat {
  bool enabled = false;
  std::string prefix_separator = "-", date_format = "%Y.%m.%d";
  static std::span<const config::FieldInfo> fields();
};

struct Flush {
  config::ByteSize bytes{5'000'000};
  static std::span<const config::FieldInfo> fields();
};

struct Retry {
  bool enabled = true;
  std::uint64_t max_retries = 2;
  std::uint64_t max_requests = 0;  // old: max_retries and one
  Duration initial_interval = 100ms, max_interval = 1min;
  std::vector<std::int64_t> retry_on_status{429};
  static std::span<const config::FieldInfo> fields();
};

struct Mapping {
  Mode mode = Mode::otel;
  std::vector<Mode> allowed_modes;  // empty: all
  bool dedot = false;
  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
  bool allows(Mode wanted) const { return allowed_modes.empty() || std::ranges::find(allowed_modes, wanted) != allowed_modes.end(); }
};

struct Config {
  Config();
  exporting::Config exporting;
  net_config::HttpClient client;
  std::vector<std::string> endpoints;
  std::string cloudid;
  std::string user;
  config::Secret password, api_key;
  std::string index, logs_index, metrics_index, traces_index;
  Enabled logs_dynamic_index, metrics_dynamic_index, traces_dynamic_index, logs_dynamic_id, logs_dynamic_pipeline;
  LogstashFormat logstash_format;
  std::string pipeline;
  Flush flush;
  Retry retry;
  Mapping mapping;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
  // Base URLs without a slash at their end.
  Result<std::vector<std::string>> urls() const;
  // The index that is set for a signal; empty: it follows from the data.
  std::string index_of(otlp::Signal signal) const;
  bool dynamic_index(otlp::Signal signal) const;
  // Value of Authorization, or empty.
  std::string authorization() const;
};

}  // namespace weir::exporters::elasticsearch
