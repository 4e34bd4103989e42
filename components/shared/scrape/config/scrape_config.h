#pragma once
// A Prometheus configuration, as far as it is about scraping.
#include "components/shared/kubernetes_sd/config.h"
#include "components/shared/scrape/config/http_config.h"
#include "components/shared/scrape/exposition/parser.h"
#include "components/shared/scrape/relabel/rule.h"

namespace weir::scrape {

enum class Protocol : std::uint8_t { protobuf, openmetrics_0_0_1, openmetrics_1_0_0, text_0_0_4, text_1_0_0 };
std::span<const config::Choice> choices_of(Protocol);
exposition::Format format_of(Protocol protocol);

using LabelMap = std::vector<std::pair<std::string, std::string>>;

struct StaticConfig {
  std::vector<std::string> targets;
  LabelMap labels;
  static std::span<const config::FieldInfo> fields();
};

struct FileSd {
  std::vector<std::string> files;
  PromDuration refresh_interval = 5min;
  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

struct HttpSd {
  std::string url;
  PromDuration refresh_interval = 1min;
  HttpConfig http;
  std::optional<net::HttpClientSettings> client;  // not a setting: instead of those of `http`
  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

struct DnsSd {
  std::vector<std::string> names;
  PromDuration refresh_interval = 30s;
  std::string type = "SRV";
  std::uint16_t port = 0;
  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

// What may be set for all jobs and for each one. 0 and nullopt: not set here.
struct Inherited {
  PromDuration scrape_interval, scrape_timeout;
  std::vector<Protocol> scrape_protocols;
  PromBytes body_size_limit;
  std::uint64_t sample_limit = 0, target_limit = 0, label_limit = 0, label_name_length_limit = 0, label_value_length_limit = 0;
  std::uint64_t keep_dropped_targets = 0;
  std::string metric_name_validation_scheme, metric_name_escaping_scheme;
  std::optional<bool> scrape_native_histograms, convert_classic_histograms_to_nhcb, always_scrape_classic_histograms, extra_scrape_metrics;
  static std::span<const config::FieldInfo> fields();
};

struct Global {
  Inherited defaults;
  PromDuration evaluation_interval, rule_query_offset;
  LabelMap external_labels;
  static std::span<const config::FieldInfo> fields();
  Result<> validate() const;
};

struct ScrapeConfig {
  std::string job_name;
  bool honor_labels = false, honor_timestamps = true, track_timestamps_staleness = false;
  std::map<std::string, std::vector<std::string>> params;
  std::optional<Protocol> fallback_scrape_protocol;
  std::string metrics_path = "/metrics", scheme = "http";
  bool enable_compression = true;
  std::uint64_t native_histogram_bucket_limit = 0;
  double native_histogram_min_bucket_factor = 0;
  Inherited own;
  HttpConfig http;
  std::vector<Rule> relabel_configs, metric_relabel_configs;

  std::vector<StaticConfig> static_configs;
  std::vector<FileSd> file_sd_configs;
  std::vector<HttpSd> http_sd_configs;
  std::vector<DnsSd> dns_sd_configs;
  std::vector<kubernetes_sd::Config> kubernetes_sd_configs;

  static constexpr std::string_view config_type = "job";
  static std::span<const config::FieldInfo> fields();
  static Result<ScrapeConfig> decode(const config::Value& value, config::Context& context);
  void validate(config::Context& context) const;

  // Takes what is not set here from `global` and checks what comes out.
  Result<> complete(const Global& global);
  Naming naming() const { return own.metric_name_validation_scheme == "legacy" ? Naming::legacy : Naming::utf8; }
};

// The file format of scrape_config_files.
struct ScrapeConfigFile {
  std::vector<ScrapeConfig> scrape_configs;
  static std::span<const config::FieldInfo> fields();
};

struct PrometheusConfig {
  Global global;
  std::vector<ScrapeConfig> scrape_configs;
  std::vector<std::string> scrape_config_files;
  // Sections about what the collector does not do.
  config::Value remote_write, remote_read, rule_files, alerting;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
  // The jobs, those of scrape_config_files included, complete.
  Result<std::vector<ScrapeConfig>> jobs() const;
};

// Relative paths of secrets, certificates and discovery files are relative to where the configuration is.
void set_directory(ScrapeConfig& config, const std::string& directory);

// "host:port" without a scheme or path.
Result<> check_target_address(std::string_view address);

}  // namespace weir::scrape
