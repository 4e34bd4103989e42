#include "components/receivers/prometheus/job.h"

#include "base/gates.h"

namespace weir::receivers::prometheus {
namespace {

std::string_view media_type(scrape::Protocol protocol) {
  using enum scrape::Protocol;
  switch (protocol) {
    case protobuf: return "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
    case openmetrics_0_0_1: return "application/openmetrics-text;version=0.0.1";
    case openmetrics_1_0_0: return "application/openmetrics-text;version=1.0.0";
    case text_0_0_4: return "text/plain;version=0.0.4";
    case text_1_0_0: return "text/plain;version=1.0.0";
  }
  return "";
}

}  // namespace

std::string accept_header(const std::vector<scrape::Protocol>& protocols, std::string_view escaping) {
  std::string out;
  std::size_t weight = 6;  // of any list, as Prometheus has it
  for (auto protocol : protocols) {
    bool escapes = protocol == scrape::Protocol::text_1_0_0 || protocol == scrape::Protocol::openmetrics_1_0_0;
    out += fmt::format("{}{};q=0.{},", media_type(protocol), escapes ? fmt::format(";escaping={}", escaping) : "", weight--);
  }
  return out + fmt::format("*/*;q=0.{}", weight);
}

SeriesSettings series_settings(const scrape::ScrapeConfig& config) {
  return {.honor_labels = config.honor_labels,
          .honor_timestamps = config.honor_timestamps,
          .track_timestamps = config.track_timestamps_staleness,
          .start_timestamps = gates::enabled("receiver.prometheusreceiver.EnableCreatedTimestampZeroIngestion"),
          .sample_limit = config.own.sample_limit,
          .bucket_limit = config.native_histogram_bucket_limit,
          .max_schema = exposition::schema_of_factor(config.native_histogram_min_bucket_factor),
          .label_limit = config.own.label_limit,
          .label_name_length_limit = config.own.label_name_length_limit,
          .label_value_length_limit = config.own.label_value_length_limit,
          .naming = config.naming()};
}

Result<std::shared_ptr<JobTools>> JobTools::make(JobPtr job, io::Executor& executor, Budget& budget) {
  auto out = std::make_shared<JobTools>();
  out->job = std::move(job);
  const scrape::ScrapeConfig& config = out->job->config;
  WEIR_ASSIGN(out->fetcher, scrape::Fetcher::make(executor, config.http, budget));
  WEIR_ASSIGN(auto rules, scrape::Relabeler::make(config.metric_relabel_configs, config.naming()));
  out->rules = std::make_shared<scrape::Relabeler>(std::move(rules));
  out->headers.add("accept", accept_header(config.own.scrape_protocols, config.own.metric_name_escaping_scheme));
  out->headers.add("accept-encoding", config.enable_compression ? "gzip" : "identity");
  return out;
}

}  // namespace weir::receivers::prometheus
