#pragma once
#include "components/shared/net_config/server.h"
#include "components/shared/prometheus_translation/translation.h"

namespace weir::exporters::prometheus {

using weir::prometheus::ResourceConversion;
using weir::prometheus::Strategy;

struct Config {
  net_config::HttpServer server;
  std::string name_space;
  std::map<std::string, std::string> const_labels;
  bool send_timestamps = false;
  Duration metric_expiration = 5min;
  std::uint64_t max_series = 2'000'000;
  ResourceConversion resource_to_telemetry_conversion;
  bool enable_open_metrics = false;
  bool without_scope_info = false;
  bool add_metric_suffixes = true;
  std::optional<Strategy> translation_strategy;

  Strategy strategy() const;
  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

}  // namespace weir::exporters::prometheus
