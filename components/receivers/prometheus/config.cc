#include "components/receivers/prometheus/config.h"

#include "net/url.h"

namespace weir::receivers::prometheus {
namespace {

// What http_sd_config of the target allocator may say.
struct AllocatorSd {
  scrape::PromDuration refresh_interval = 30s;
  std::string url;
  scrape::HttpConfig http;
  static std::span<const config::FieldInfo> fields() {
    static const std::array rows{
        config::field<&AllocatorSd::refresh_interval>("refresh_interval", "Time between two requests for the targets of a job."),
        config::field<&AllocatorSd::url>("url", "Not used: the target allocator's endpoint counts."),
        config::embedded<&AllocatorSd::http>(),
    };
    return rows;
  }
};

}  // namespace

using config::embedded;
using config::field;

std::span<const config::FieldInfo> TargetAllocator::fields() {
  using T = TargetAllocator;
  static const std::array rows{
      embedded<&T::client>(),
      field<&T::interval>("interval", "Time between two looks for changed jobs.", {.required = true}),
      field<&T::collector_id>("collector_id", "Whose targets we scrape.", {.required = true}),
      field<&T::http_sd_config>("http_sd_config", "refresh_interval (30s): time between two requests for the targets of a job."),
      field<&T::http_scrape_config>("http_scrape_config", "HTTP settings of all scrapes, instead of those of the jobs."),
  };
  return rows;
}

Result<> TargetAllocator::validate() const {
  if (!net::parse_url(client.endpoint)) return fail(Errc::config, "TargetAllocator endpoint is not valid: {}", client.endpoint);
  if (collector_id.empty() || collector_id.find("${") != collector_id.npos) return fail(Errc::config, "CollectorID is not a valid ID");
  if (interval <= 0s) return fail(Errc::config, "interval must be a positive duration, got {}", format_duration(interval));
  if (client.auth) return fail(Errc::config, "auth: authenticators are not supported here; use headers");
  if (http_scrape_config) WEIR_TRY(http_scrape_config->check());
  config::Problems problems;
  config::decode<AllocatorSd>(&http_sd_config, problems);
  return problems.result();
}

scrape::PromDuration TargetAllocator::sd_refresh() const {
  config::Problems problems;
  auto sd = config::decode<AllocatorSd>(&http_sd_config, problems);
  return sd ? sd->refresh_interval : AllocatorSd{}.refresh_interval;
}

std::span<const config::FieldInfo> Config::fields() {
  using T = Config;
  static const std::array rows{
      field<&T::config>("config", "A Prometheus configuration: global, scrape_configs, scrape_config_files."),
      field<&T::target_allocator>("target_allocator", "Jobs and targets from the operator's target allocator."),
      field<&T::trim_metric_suffixes>("trim_metric_suffixes", "Cut unit and _total off the names."),
      field<&T::scrape_on_shutdown>("scrape_on_shutdown", "Scrape all targets once more before the end."),
      field<&T::initial_scrape_offset>("initial_scrape_offset", "Time before the first scrape, beside each target's own share of the interval.", {.min = 0s}),
      field<&T::report_extra_scrape_metrics>("report_extra_scrape_metrics", "Also tell scrape_timeout_seconds, scrape_sample_limit and scrape_body_size_bytes, for all jobs."),
      field<&T::stale_markers_on_shutdown>("stale_markers_on_shutdown", "Mark all series as ended at the end. Otherwise they go on when weir is back soon."),
      config::ignored("discovery_reload_on_startup", "targets are scraped as soon as they are known"),
      config::ignored("enable_protobuf_negotiation", "scrape_protocols says it"),
      config::ignored("api_server", "zpages shows the targets: /debug/targetz"),
      config::ignored("buffer_period", "it had no effect"),
      config::ignored("buffer_count", "it had no effect"),
  };
  return rows;
}

Result<> Config::validate() const {
  bool jobs = config && (!config->scrape_configs.empty() || !config->scrape_config_files.empty());
  if (!jobs && !target_allocator) return fail(Errc::config, "no Prometheus scrape_configs or target_allocator set");
  return {};
}

}  // namespace weir::receivers::prometheus
