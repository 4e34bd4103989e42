#pragma once
#include "components/shared/net_config/client.h"
#include "components/shared/scrape/config/scrape_config.h"

namespace weir::receivers::prometheus {

// Jobs and targets from the target allocator of the OpenTelemetry operator.
struct TargetAllocator {
  net_config::HttpClient client;
  Duration interval{0};
  std::string collector_id;
  std::optional<scrape::HttpConfig> http_scrape_config;
  config::Value http_sd_config;

  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
  // How often the targets of a job are asked for.
  scrape::PromDuration sd_refresh() const;
};

struct Config {
  std::optional<scrape::PrometheusConfig> config;
  std::optional<TargetAllocator> target_allocator;
  bool trim_metric_suffixes = false;
  bool scrape_on_shutdown = false;
  bool report_extra_scrape_metrics = false;
  bool stale_markers_on_shutdown = false;
  Duration initial_scrape_offset{0};

  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

}  // namespace weir::receivers::prometheus
