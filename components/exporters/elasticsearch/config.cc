#include "components/exporters/elasticsearch/config.h"

#include <cstdlib>

#include "base/text.h"
#include "net/url.h"

namespace weir::exporters::elasticsearch {

using config::field;
using config::FieldInfo;
using otlp::Signal;

std::span<const config::Choice> choices_of(Mode) {
  static constexpr config::Choice rows[] = {{"otel", Mode::otel}, {"ecs", Mode::ecs}, {"none", Mode::none}, {"no", Mode::none}, {"", Mode::none}, {"raw", Mode::raw}, {"bodymap", Mode::bodymap}};
  return rows;
}

std::span<const FieldInfo> Enabled::fields() {
  static const std::array rows{field<&Enabled::enabled>("enabled", "On.")};
  return rows;
}

std::span<const FieldInfo> LogstashFormat::fields() {
  using T = LogstashFormat;
  static const std::array rows{
      field<&T::enabled>("enabled", "The day stands behind the index's name."),
      field<&T::prefix_separator>("prefix_separator", "Between the two."),
      field<&T::date_format>("date_format", "How the day is written, in strftime directives."),
  };
  return rows;
}

std::span<const FieldInfo> Flush::fields() {
  static const std::array rows{
      field<&Flush::bytes>("bytes", "About the most bytes of one bulk request.", {.min = 1000, .max = 100'000'000}),
      config::ignored("interval", "batches are made by sending_queue::batch"),
  };
  return rows;
}

std::span<const FieldInfo> Retry::fields() {
  using T = Retry;
  static const std::array rows{
      field<&T::enabled>("enabled", "Send documents again that Elasticsearch may take later, before retry_on_failure does that with what is left."),
      field<&T::max_retries>("max_retries", "How often.", {.max = 100}),
      field<&T::max_requests>("max_requests", "Old: max_retries and one.", {.max = 101}),
      field<&T::initial_interval>("initial_interval", "First wait.", {.min = 1ms}),
      field<&T::max_interval>("max_interval", "Longest wait.", {.min = 1ms}),
      field<&T::retry_on_status>("retry_on_status", "Statuses of requests and documents that may pass, beside 5xx of requests and documents."),
  };
  return rows;
}

void Mapping::validate(config::Context& context) const {
  if (!allows(mode)) context.error_at("mode", "is none of allowed_modes");
}

std::span<const FieldInfo> Mapping::fields() {
  static const std::array rows{
      field<&Mapping::mode>("mode", "otel: as OTLP has it; ecs: fields of the Elastic Common Schema; none, raw: OTLP's fields by old names, raw without a prefix for attributes; bodymap: the record's body is the document."),
      field<&Mapping::dedot>("dedot", "none and raw: names with dots become objects. ecs does so anyway."),
      config::ignored("dedup", "names are always unique"),
      field<&Mapping::allowed_modes>("allowed_modes", "Modes that data may ask for in place of mode. Empty: all."),
      config::ignored("fields", "no effect"),
      config::ignored("file", "no effect"),
  };
  return rows;
}

// As the Go collector.
Config::Config() {
  exporting.timeout = 90s;
  exporting.sending_queue->batch = exporting::QueueBatchConfig{};
  exporting.sending_queue->batch->flush_timeout = 10s;
  exporting.sending_queue->batch->min_size = 5000;
}

std::span<const FieldInfo> Config::fields() {
  using T = Config;
  static const std::array rows{
      config::embedded<&T::client>(),
      field<&T::endpoints>("endpoints", "Base URLs, used in turn. Default: ELASTICSEARCH_URL of the environment."),
      field<&T::cloudid>("cloudid", "Id of a cluster in Elastic's cloud, instead of a URL."),
      field<&T::user>("user", "User for basic authentication."),
      field<&T::password>("password", "Password."),
      field<&T::api_key>("api_key", "API key, encoded, instead of user and password."),
      field<&T::index>("index", "Old: logs_index.", {.deprecated = "use logs_index"}),
      field<&T::logs_index>("logs_index", "Index or data stream of logs. Default: data_stream.dataset and data_stream.namespace say which, otherwise logs-generic-default."),
      field<&T::metrics_index>("metrics_index", "The same for metrics."),
      field<&T::traces_index>("traces_index", "The same for traces."),
      field<&T::logs_dynamic_index>("logs_dynamic_index", "Attributes count although logs_index is set: data_stream.*, elasticsearch.index.prefix and elasticsearch.index.suffix."),
      field<&T::metrics_dynamic_index>("metrics_dynamic_index", "The same for metrics."),
      field<&T::traces_dynamic_index>("traces_dynamic_index", "The same for traces."),
      field<&T::logs_dynamic_id>("logs_dynamic_id", "The attribute elasticsearch.document_id is the document's id."),
      field<&T::logs_dynamic_pipeline>("logs_dynamic_pipeline", "The attribute elasticsearch.ingest_pipeline names a document's ingest pipeline."),
      field<&T::logstash_format>("logstash_format", "Indices for each day."),
      field<&T::pipeline>("pipeline", "Ingest pipeline of all documents."),
      field<&T::flush>("flush", "Size of requests."),
      field<&T::retry>("retry", "Documents that are not taken."),
      field<&T::mapping>("mapping", "How telemetry becomes documents."),
      config::ignored("num_workers", "requests under way are sending_queue::num_consumers"),
      config::ignored("batcher", "batches are made by sending_queue::batch"),
      config::ignored("discover", "nodes are not looked for: name them in endpoints"),
      config::ignored("metadata_keys", "no effect"),
      config::ignored("include_source_on_error", "no effect"),
      config::ignored("suppress_conflict_errors", "a conflict is no error: the document is there, from an attempt whose answer got lost"),
      config::ignored("telemetry", "no effect"),
      config::embedded<&T::exporting>(),
  };
  return rows;
}

void Config::validate(config::Context& context) const {
  auto all = urls();
  if (!all) context.error_at("", all.error().what);
  bool basic = !user.empty() || !password.empty();
  if (basic && !api_key.empty()) context.error_at("", "user and api_key cannot both be set");
  if (!user.empty() != !password.empty()) context.error_at("", "user and password must both be set");
}

Result<std::vector<std::string>> Config::urls() const {
  std::vector<std::string> out;
  int ways = !client.endpoint.empty() + !endpoints.empty() + !cloudid.empty();
  if (ways > 1) return fail(Errc::config, "only one of endpoint, endpoints and cloudid may be set");
  if (!client.endpoint.empty()) out.push_back(client.endpoint);
  out.insert(out.end(), endpoints.begin(), endpoints.end());
  if (!cloudid.empty()) {
    // "name:base64(host$cluster$...)"
    std::string decoded;
    std::size_t colon = cloudid.find(':');
    if (colon == cloudid.npos || !decode_base64(std::string_view(cloudid).substr(colon + 1), decoded)) return fail(Errc::config, "invalid CloudID \"{}\"", cloudid);
    auto parts = split(decoded, '$');
    if (parts.size() < 2 || parts[0].empty() || parts[1].empty()) return fail(Errc::config, "invalid decoded CloudID \"{}\"", decoded);
    out.push_back(fmt::format("https://{}.{}", parts[1], parts[0]));
  }
  if (const char* known = std::getenv("ELASTICSEARCH_URL"); out.empty() && known != nullptr)
    for (auto part : split(known, ',')) out.emplace_back(trim(part));
  if (out.empty()) return fail(Errc::config, "exactly one of [endpoint, endpoints, cloudid] must be specified");
  for (auto& url : out) {
    while (url.ends_with('/')) url.pop_back();
    if (!url.starts_with("http://") && !url.starts_with("https://")) return fail(Errc::config, "invalid endpoint \"{}\": invalid scheme, expected \"http\" or \"https\"", url);
    WEIR_ASSIGN(auto parsed, net::parse_url(url));
  }
  return out;
}

std::string Config::index_of(Signal signal) const {
  if (signal == Signal::metrics) return metrics_index;
  if (signal == Signal::traces) return traces_index;
  return logs_index.empty() ? index : logs_index;
}

bool Config::dynamic_index(Signal signal) const {
  if (signal == Signal::metrics) return metrics_dynamic_index.enabled;
  return signal == Signal::traces ? traces_dynamic_index.enabled : logs_dynamic_index.enabled;
}

std::string Config::authorization() const {
  if (!api_key.empty()) return "ApiKey " + api_key.reveal();
  return user.empty() ? std::string() : "Basic " + encode_base64(user + ":" + password.reveal());
}

}  // namespace weir::exporters::elasticsearch
