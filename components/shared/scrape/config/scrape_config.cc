#include "components/shared/scrape/config/scrape_config.h"

#include <glob.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/text.h"
#include "config/yaml.h"
#include "net/url.h"
#include "prometheus/escaping.h"

namespace weir::scrape {
namespace {

using config::embedded;
using config::field;
using config::FieldInfo;

// name.json or name*.yml: one star, in the last part of the path.
bool is_file_pattern(std::string_view name) {
  auto star = name.find('*');
  if (star != name.npos && (name.find('*', star + 1) != name.npos || name.find('/', star) != name.npos)) return false;
  std::string lower = to_lower(name);
  return lower.ends_with(".json") || lower.ends_with(".yml") || lower.ends_with(".yaml");
}

// Discovery of which weir has no client.
constexpr std::string_view unsupported_discovery[] = {
    "aws_sd_configs",      "azure_sd_configs",     "consul_sd_configs",   "digitalocean_sd_configs", "docker_sd_configs", "dockerswarm_sd_configs",
    "ec2_sd_configs",      "ecs_sd_configs",       "eureka_sd_configs",   "gce_sd_configs",          "hetzner_sd_configs", "ionos_sd_configs",
    "kuma_sd_configs",    "lightsail_sd_configs", "linode_sd_configs",      "marathon_sd_configs", "nerve_sd_configs",
    "nomad_sd_configs",    "openstack_sd_configs", "ovhcloud_sd_configs", "puppetdb_sd_configs",     "scaleway_sd_configs", "serverset_sd_configs",
    "stackit_sd_configs",  "triton_sd_configs",    "uyuni_sd_configs",    "vultr_sd_configs"};

Result<> check_protocols(const std::vector<Protocol>& protocols) {
  for (std::size_t i = 0; i < protocols.size(); ++i)
    if (std::count(protocols.begin(), protocols.end(), protocols[i]) > 1) return fail(Errc::config, "duplicated protocol in scrape_protocols");
  return {};
}

Result<config::Value> read_yaml(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  if (!file) return fail(Errc::config, "\"{}\": cannot be read", path);
  return config::parse_yaml(text.str(), path);
}

Result<std::vector<std::string>> files_matching(const std::string& pattern) {
  glob_t found{};
  int result = ::glob(pattern.c_str(), 0, nullptr, &found);
  std::vector<std::string> out;
  for (std::size_t i = 0; result == 0 && i < found.gl_pathc; ++i) out.emplace_back(found.gl_pathv[i]);
  ::globfree(&found);
  if (result != 0 && result != GLOB_NOMATCH) return fail(Errc::config, "error retrieving scrape config files for \"{}\"", pattern);
  return out;
}

}  // namespace

std::span<const config::Choice> choices_of(Protocol) {
  static constexpr config::Choice rows[] = {{"PrometheusProto", Protocol::protobuf},
                                            {"OpenMetricsText0.0.1", Protocol::openmetrics_0_0_1},
                                            {"OpenMetricsText1.0.0", Protocol::openmetrics_1_0_0},
                                            {"PrometheusText0.0.4", Protocol::text_0_0_4},
                                            {"PrometheusText1.0.0", Protocol::text_1_0_0}};
  return rows;
}

exposition::Format format_of(Protocol protocol) {
  if (protocol == Protocol::protobuf) return exposition::Format::protobuf;
  bool text = protocol == Protocol::text_0_0_4 || protocol == Protocol::text_1_0_0;
  return text ? exposition::Format::text : exposition::Format::openmetrics;
}

Result<> check_target_address(std::string_view address) {
  if (address.find('/') != address.npos) return fail(Errc::config, "\"{}\" is not a valid hostname", address);
  return {};
}

std::span<const FieldInfo> StaticConfig::fields() {
  static const std::array rows{
      field<&StaticConfig::targets>("targets", "host:port of each."),
      field<&StaticConfig::labels>("labels", "Labels of all of them."),
  };
  return rows;
}

std::span<const FieldInfo> FileSd::fields() {
  static const std::array rows{
      field<&FileSd::files>("files", "JSON and YAML files with targets; the last part of a path may have one *."),
      field<&FileSd::refresh_interval>("refresh_interval", "They are read again after this time; changes are seen within seconds anyway."),
  };
  return rows;
}

Result<> FileSd::validate() const {
  if (files.empty()) return fail(Errc::config, "file service discovery config must contain at least one path name");
  for (auto& name : files)
    if (!is_file_pattern(name)) return fail(Errc::config, "path name \"{}\" is not valid for file discovery", name);
  return {};
}

std::span<const FieldInfo> HttpSd::fields() {
  static const std::array rows{
      field<&HttpSd::url>("url", "Answers with a JSON list of targets."),
      field<&HttpSd::refresh_interval>("refresh_interval", "Time between two requests."),
      embedded<&HttpSd::http>(),
  };
  return rows;
}

Result<> HttpSd::validate() const {
  if (url.empty()) return fail(Errc::config, "URL is missing");
  WEIR_TRY(net::parse_url(url));
  return http.check();
}

std::span<const FieldInfo> DnsSd::fields() {
  static const std::array rows{
      field<&DnsSd::names>("names", "Names that are looked up."),
      field<&DnsSd::refresh_interval>("refresh_interval", "Time between two look-ups."),
      field<&DnsSd::type>("type", "Type of the records: SRV, A, AAAA, MX or NS."),
      field<&DnsSd::port>("port", "Port of the targets, for all types but SRV."),
  };
  return rows;
}

Result<> DnsSd::validate() const {
  if (names.empty()) return fail(Errc::config, "DNS-SD config must contain at least one SRV record name");
  constexpr std::string_view others[] = {"a", "aaaa", "mx", "ns"};
  std::string lower = to_lower(type);
  if (lower == "srv") return {};
  if (std::find(std::begin(others), std::end(others), lower) == std::end(others)) return fail(Errc::config, "invalid DNS-SD records type {}", type);
  if (port == 0) return fail(Errc::config, "a port is required in DNS-SD configs for all record types except SRV");
  return {};
}

std::span<const FieldInfo> Inherited::fields() {
  using T = Inherited;
  static const std::array rows{
      field<&T::scrape_interval>("scrape_interval", "Time between two scrapes of a target."),
      field<&T::scrape_timeout>("scrape_timeout", "Time for one scrape."),
      field<&T::scrape_protocols>("scrape_protocols", "Formats that are asked for, most wanted first."),
      field<&T::body_size_limit>("body_size_limit", "A larger answer, uncompressed, fails the scrape. 0: 256MiB."),
      field<&T::sample_limit>("sample_limit", "More samples than that after relabeling fail the scrape. 0: no limit."),
      field<&T::target_limit>("target_limit", "More targets than that fail all scrapes of the job. 0: no limit."),
      field<&T::label_limit>("label_limit", "A series with more labels fails the scrape. 0: no limit."),
      field<&T::label_name_length_limit>("label_name_length_limit", "The same for the length of a label's name."),
      field<&T::label_value_length_limit>("label_value_length_limit", "The same for the length of a label's value."),
      field<&T::keep_dropped_targets>("keep_dropped_targets", "Dropped targets that are shown. 0: 1000."),
      config::ignored("scrape_failure_log_file", "failed scrapes are in weir's own log"),
      field<&T::metric_name_validation_scheme>("metric_name_validation_scheme", "Which names are allowed.", {.choices = "|utf8|legacy"}),
      field<&T::metric_name_escaping_scheme>("metric_name_escaping_scheme", "How targets are to write other names.", {.choices = "|allow-utf-8|underscores|dots|values"}),
      field<&T::scrape_native_histograms>("scrape_native_histograms", "Take native histograms; PrometheusProto must be among the protocols."),
      field<&T::convert_classic_histograms_to_nhcb>("convert_classic_histograms_to_nhcb", "Classic histograms become one series each."),
      field<&T::always_scrape_classic_histograms>("always_scrape_classic_histograms", "Take also the classic part of native histograms."),
      field<&T::extra_scrape_metrics>("extra_scrape_metrics", "Also tell scrape_timeout_seconds, scrape_sample_limit and scrape_body_size_bytes."),
  };
  return rows;
}

std::span<const FieldInfo> Global::fields() {
  static const std::array rows{
      embedded<&Global::defaults>(),
      field<&Global::external_labels>("external_labels", "Labels of all series; they replace those of the same name."),
      config::ignored("evaluation_interval", "there are no rules"),
      config::ignored("rule_query_offset", "there are no rules"),
      config::ignored("query_log_file", "there are no queries"),
  };
  return rows;
}

Result<> Global::validate() const {
  auto interval = defaults.scrape_interval.value > 0s ? defaults.scrape_interval.value : Duration{1min};
  if (defaults.scrape_timeout.value > interval) return fail(Errc::config, "global scrape timeout greater than scrape interval");
  for (auto& [name, value] : external_labels)
    if (!valid_label_name(name, defaults.metric_name_validation_scheme == "legacy" ? Naming::legacy : Naming::utf8))
      return fail(Errc::config, "\"{}\" is not a valid label name", name);
  return check_protocols(defaults.scrape_protocols);
}

std::span<const FieldInfo> ScrapeConfig::fields() {
  using T = ScrapeConfig;
  static const std::vector rows = [] {
    std::vector<FieldInfo> all{
        field<&T::job_name>("job_name", "Value of the label job.", {.required = true}),
        field<&T::honor_labels>("honor_labels", "Labels of the answer win over those of the target; otherwise they become exported_…."),
        field<&T::honor_timestamps>("honor_timestamps", "Take the times of the answer."),
        field<&T::track_timestamps_staleness>("track_timestamps_staleness", "Mark vanished series also when they had times of their own."),
        field<&T::params>("params", "Parameters of the URL."),
        field<&T::fallback_scrape_protocol>("fallback_scrape_protocol", "Format of answers whose Content-Type says nothing; PrometheusText0.0.4 if not set."),
        field<&T::metrics_path>("metrics_path", "Path of the URL."),
        field<&T::scheme>("scheme", "http or https."),
        field<&T::enable_compression>("enable_compression", "Ask for compressed answers."),
        field<&T::native_histogram_bucket_limit>("native_histogram_bucket_limit", "Native histograms with more buckets are made coarser. 0: no limit."),
        field<&T::native_histogram_min_bucket_factor>("native_histogram_min_bucket_factor", "They are made coarser until buckets grow by this factor."),
        embedded<&T::own>(),
        embedded<&T::http>(),
        field<&T::relabel_configs>("relabel_configs", "Rules for targets."),
        field<&T::metric_relabel_configs>("metric_relabel_configs", "Rules for series."),
        field<&T::static_configs>("static_configs", "Targets that are listed here."),
        field<&T::file_sd_configs>("file_sd_configs", "Targets from files."),
        field<&T::http_sd_configs>("http_sd_configs", "Targets from a URL."),
        field<&T::dns_sd_configs>("dns_sd_configs", "Targets from DNS."),
        field<&T::kubernetes_sd_configs>("kubernetes_sd_configs", "Targets from the API server of Kubernetes."),
    };
    return all;
  }();
  return rows;
}

Result<ScrapeConfig> ScrapeConfig::decode(const config::Value& value, config::Context& context) {
  config::Value known = value;
  std::erase_if(known.entries(), [&](const config::Entry& entry) {
    if (std::find(std::begin(unsupported_discovery), std::end(unsupported_discovery), entry.key) == std::end(unsupported_discovery)) return false;
    context.problems().error(entry.mark, fmt::format("{} is not supported: weir finds targets with static, file, http, dns and kubernetes discovery", entry.key));
    return true;
  });
  ScrapeConfig out;
  if (!config::decode_fields(known, out, context)) return fail(Errc::config, "");
  return out;
}

void ScrapeConfig::validate(config::Context& context) const {
  if (auto good = http.check(); !good) context.error_at("", good.error().what);
  if (!relabel_configs.empty()) return;
  for (auto& group : static_configs)
    for (auto& target : group.targets)
      if (auto good = check_target_address(target); !good) context.error_at("static_configs", good.error().what);
}

Result<> ScrapeConfig::complete(const Global& global) {
  const Inherited& all = global.defaults;
  auto wrong = [&](std::string_view what) { return fail(Errc::config, "{} for scrape config with job name \"{}\"", what, job_name); };
  auto take = [](auto& mine, const auto& theirs) {
    if (mine == std::decay_t<decltype(mine)>{}) mine = theirs;
  };
  Duration interval = all.scrape_interval.value > 0s ? all.scrape_interval.value : Duration{1min};
  Duration timeout = all.scrape_timeout.value > 0s ? all.scrape_timeout.value : std::min(Duration{10s}, interval);
  if (own.scrape_interval.value == 0s) own.scrape_interval = interval;
  if (own.scrape_timeout.value > own.scrape_interval.value) return wrong("scrape timeout greater than scrape interval");
  if (own.scrape_timeout.value == 0s) own.scrape_timeout = std::min(timeout, own.scrape_interval.value);
  take(own.body_size_limit.value, all.body_size_limit.value);
  take(own.sample_limit, all.sample_limit);
  take(own.target_limit, all.target_limit);
  take(own.label_limit, all.label_limit);
  take(own.label_name_length_limit, all.label_name_length_limit);
  take(own.label_value_length_limit, all.label_value_length_limit);
  take(own.keep_dropped_targets, all.keep_dropped_targets);
  if (!own.scrape_native_histograms) own.scrape_native_histograms = all.scrape_native_histograms.value_or(false);
  if (!own.convert_classic_histograms_to_nhcb) own.convert_classic_histograms_to_nhcb = all.convert_classic_histograms_to_nhcb.value_or(false);
  if (!own.always_scrape_classic_histograms) own.always_scrape_classic_histograms = all.always_scrape_classic_histograms.value_or(false);
  if (!own.extra_scrape_metrics) own.extra_scrape_metrics = all.extra_scrape_metrics.value_or(false);
  take(own.scrape_protocols, all.scrape_protocols);
  if (own.scrape_protocols.empty()) {
    if (*own.scrape_native_histograms) own.scrape_protocols.push_back(Protocol::protobuf);
    for (auto p : {Protocol::openmetrics_1_0_0, Protocol::openmetrics_0_0_1, Protocol::text_1_0_0, Protocol::text_0_0_4}) own.scrape_protocols.push_back(p);
  }
  WEIR_TRY(check_protocols(own.scrape_protocols));
  if (!fallback_scrape_protocol) fallback_scrape_protocol = Protocol::text_0_0_4;

  bool local = !own.metric_name_validation_scheme.empty();
  std::string global_scheme = all.metric_name_validation_scheme.empty() ? "utf8" : all.metric_name_validation_scheme;
  if (!local) own.metric_name_validation_scheme = global_scheme;
  auto standard = [](std::string_view validation) { return validation == "legacy" ? "underscores" : "allow-utf-8"; };
  if (own.metric_name_escaping_scheme.empty()) {
    if (local) own.metric_name_escaping_scheme = standard(own.metric_name_validation_scheme);
    else own.metric_name_escaping_scheme = all.metric_name_escaping_scheme.empty() ? standard(global_scheme) : all.metric_name_escaping_scheme;
  }
  if (own.metric_name_escaping_scheme == "allow-utf-8" && own.metric_name_validation_scheme != "utf8")
    return fail(Errc::config, "utf8 metric names requested but validation scheme is not set to UTF8");
  for (auto* rules : {&relabel_configs, &metric_relabel_configs})
    for (auto& rule : *rules) WEIR_TRY(rule.check(naming()));
  return {};
}

std::span<const FieldInfo> ScrapeConfigFile::fields() {
  static const std::array rows{field<&ScrapeConfigFile::scrape_configs>("scrape_configs", "Jobs.")};
  return rows;
}

std::span<const FieldInfo> PrometheusConfig::fields() {
  using T = PrometheusConfig;
  static const std::array rows{
      field<&T::global>("global", "What holds for all jobs."),
      field<&T::scrape_configs>("scrape_configs", "Jobs: what is scraped, and how."),
      field<&T::scrape_config_files>("scrape_config_files", "Files with more of them."),
      field<&T::remote_write>("remote_write", "Refused: use the exporter prometheusremotewrite."),
      field<&T::remote_read>("remote_read", "Refused."),
      field<&T::rule_files>("rule_files", "Refused: there are no rules."),
      field<&T::alerting>("alerting", "Refused: there are no rules."),
      config::ignored("runtime", "it is about the Go runtime"),
      config::ignored("storage", "the receiver stores nothing"),
      config::ignored("tracing", "weir's own traces are set in service::telemetry"),
      config::ignored("otlp", "the receiver takes no OTLP"),
  };
  return rows;
}

void PrometheusConfig::validate(config::Context& context) const {
  std::vector<std::string_view> refused;
  auto given = [](const config::Value& value) { return !value.is_null() && (value.is_scalar() || value.size() > 0); };
  if (const config::Value* rules = alerting.get("alertmanagers"); rules && given(*rules)) refused.push_back("alert_config.alertmanagers");
  if (const config::Value* rules = alerting.get("alert_relabel_configs"); rules && given(*rules)) refused.push_back("alert_config.relabel_configs");
  if (given(remote_read)) refused.push_back("remote_read");
  if (given(remote_write)) refused.push_back("remote_write");
  if (given(rule_files)) refused.push_back("rule_files");
  if (!refused.empty()) {
    std::string list;
    for (auto name : refused) list += fmt::format("\n\t{}", name);
    context.error_at("", "unsupported features:" + list);
  }
  if (context.problems().failed()) return;
  if (auto all = jobs(); !all) context.error_at("scrape_configs", all.error().what);
}

Result<std::vector<ScrapeConfig>> PrometheusConfig::jobs() const {
  std::vector<ScrapeConfig> out;
  std::map<std::string, std::string, std::less<>> from;
  auto add = [&](ScrapeConfig job, const std::string& where) -> Result<> {
    WEIR_TRY(job.complete(global));
    auto [at, is_new] = from.emplace(job.job_name, where);
    if (!is_new) return fail(Errc::config, "found multiple scrape configs with job name \"{}\", first found in {}", job.job_name, at->second);
    out.push_back(std::move(job));
    return {};
  };
  for (auto& job : scrape_configs) WEIR_TRY(add(job, "main config file"));
  for (auto& pattern : scrape_config_files) {
    WEIR_ASSIGN(auto files, files_matching(pattern));
    for (auto& path : files) {
      WEIR_ASSIGN(config::Value tree, read_yaml(path));
      config::Problems problems;
      auto file = config::decode<ScrapeConfigFile>(&tree, problems);
      WEIR_TRY(problems.result());
      for (auto& job : file->scrape_configs) {
        set_directory(job, std::filesystem::path(path).parent_path());
        WEIR_TRY(add(job, path));
      }
    }
  }
  return out;
}

namespace {

void join(const std::string& directory, std::string& path) {
  if (!path.empty() && !path.starts_with('/') && !directory.empty()) path = directory + "/" + path;
}

void set_directory(TlsConfig& tls, const std::string& directory) {
  for (auto* path : {&tls.ca_file, &tls.cert_file, &tls.key_file}) join(directory, *path);
}

void set_directory(HttpConfig& http, const std::string& directory) {
  set_directory(http.tls_config, directory);
  join(directory, http.bearer_token_file);
  if (http.basic_auth) {
    join(directory, http.basic_auth->username_file);
    join(directory, http.basic_auth->password_file);
  }
  if (http.authorization) join(directory, http.authorization->credentials_file);
  if (http.oauth2) {
    join(directory, http.oauth2->client_secret_file);
    set_directory(http.oauth2->tls_config, directory);
  }
  for (auto& [name, header] : http.http_headers)
    for (auto& path : header.files) join(directory, path);
}

}  // namespace

void set_directory(ScrapeConfig& job, const std::string& directory) {
  set_directory(job.http, directory);
  for (auto& sd : job.file_sd_configs)
    for (auto& path : sd.files) join(directory, path);
  for (auto& sd : job.http_sd_configs) set_directory(sd.http, directory);
  for (auto& sd : job.kubernetes_sd_configs) {
    set_directory(sd.http, directory);
    join(directory, sd.kubeconfig_file);
  }
}

}  // namespace weir::scrape
