#include "weir/own_export.h"

#include "base/text.h"
#include "net/url.h"

namespace weir::app {

using config::field;
using config::FieldInfo;
using config::Value;

std::span<const FieldInfo> OwnOtlp::fields() {
  static const std::array rows{
      field<&OwnOtlp::protocol>("protocol", "How to send.", {.choices = "http/protobuf|grpc|grpc/protobuf"}),
      field<&OwnOtlp::endpoint>("endpoint", "Where to: a URL, or host:port. Over HTTP /v1/<signal> is added when it has no path.", {.required = true}),
      field<&OwnOtlp::headers>("headers", "Sent with each request: a list of name and value, or a map.", {.secret = true}),
      field<&OwnOtlp::headers_list>("headers_list", "The same as name=value,name=value; `headers` goes before.", {.secret = true}),
      field<&OwnOtlp::compression>("compression", "Of requests.", {.choices = "none|gzip"}),
      field<&OwnOtlp::timeout>("timeout", "Milliseconds for one request."),
      field<&OwnOtlp::insecure>("insecure", "No TLS when the endpoint has no scheme."),
      field<&OwnOtlp::certificate>("certificate", "File with the CA's certificates."),
      field<&OwnOtlp::client_certificate>("client_certificate", "File with the client's certificate."),
      field<&OwnOtlp::client_key>("client_key", "File with its key."),
      field<&OwnOtlp::temporality_preference>("temporality_preference", "Metrics: of sums and histograms.", {.choices = "cumulative|delta|lowmemory"}),
      field<&OwnOtlp::default_histogram_aggregation>("default_histogram_aggregation", "Metrics: histograms have explicit buckets.",
                                                     {.choices = "|explicit_bucket_histogram"}),
  };
  return rows;
}

std::span<const FieldInfo> OwnExporter::fields() {
  static const std::array rows{
      field<&OwnExporter::otlp>("otlp", "To whatever takes OTLP."),
      field<&OwnExporter::console>("console", "To standard output."),
  };
  return rows;
}

std::span<const FieldInfo> BatchProcessor::fields() {
  static const std::array rows{
      field<&BatchProcessor::schedule_delay>("schedule_delay", "Milliseconds between two requests.", {.min = 1}),
      field<&BatchProcessor::export_timeout>("export_timeout", "Milliseconds for one request."),
      field<&BatchProcessor::max_queue_size>("max_queue_size", "What may wait; more is dropped and counted.", {.min = 1}),
      field<&BatchProcessor::max_export_batch_size>("max_export_batch_size", "Items in one request.", {.min = 1}),
      field<&BatchProcessor::exporter>("exporter", "Where to."),
  };
  return rows;
}

std::span<const FieldInfo> SimpleProcessor::fields() {
  static const std::array rows{field<&SimpleProcessor::exporter>("exporter", "Where to.")};
  return rows;
}

std::span<const FieldInfo> OwnProcessor::fields() {
  static const std::array rows{
      field<&OwnProcessor::batch>("batch", "Sends several at a time."),
      field<&OwnProcessor::simple>("simple", "Sends at once."),
  };
  return rows;
}

std::span<const FieldInfo> LabelFilter::fields() {
  static const std::array rows{
      field<&LabelFilter::included>("included", "Attributes to take; * and ? stand for any text."),
      field<&LabelFilter::excluded>("excluded", "Of these, attributes not to take."),
  };
  return rows;
}

std::span<const FieldInfo> PrometheusExporter::fields() {
  static const std::array rows{
      field<&PrometheusExporter::host>("host", "Address to listen on."),
      field<&PrometheusExporter::port>("port", "And port.", {.max = 65535}),
      field<&PrometheusExporter::without_units>("without_units", "Names without units, such as _seconds and _bytes."),
      field<&PrometheusExporter::without_type_suffix>("without_type_suffix", "Counters without _total."),
      field<&PrometheusExporter::without_scope_info>("without_scope_info", "Accepted; series never carry otel_scope_*."),
      field<&PrometheusExporter::with_resource_constant_labels>("with_resource_constant_labels", "Resource attributes that go on each series."),
  };
  return rows;
}

std::span<const FieldInfo> PullExporter::fields() {
  static const std::array rows{field<&PullExporter::prometheus>("prometheus", "An endpoint to scrape.")};
  return rows;
}

std::span<const FieldInfo> PullReader::fields() {
  static const std::array rows{field<&PullReader::exporter>("exporter", "Where to fetch.")};
  return rows;
}

std::span<const FieldInfo> PeriodicReader::fields() {
  static const std::array rows{
      field<&PeriodicReader::interval>("interval", "Milliseconds between two requests.", {.min = 1}),
      field<&PeriodicReader::timeout>("timeout", "Milliseconds for one request."),
      field<&PeriodicReader::exporter>("exporter", "Where to."),
  };
  return rows;
}

std::span<const FieldInfo> OwnReader::fields() {
  static const std::array rows{
      field<&OwnReader::pull>("pull", "Metrics are fetched."),
      field<&OwnReader::periodic>("periodic", "Metrics are sent, again and again."),
  };
  return rows;
}

namespace {

bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() == '*') return matches(pattern.substr(1), text) || (!text.empty() && matches(pattern, text.substr(1)));
  return !text.empty() && (pattern.front() == '?' || pattern.front() == text.front()) && matches(pattern.substr(1), text.substr(1));
}

Value headers_of(const OwnOtlp& settings) {
  Value out = Value::map();
  for (std::string_view pair : split(settings.headers_list, ',')) {
    auto equals = pair.find('=');
    if (equals != pair.npos) out.set(trim(pair.substr(0, equals)), Value::string(std::string(trim(pair.substr(equals + 1)))));
  }
  for (auto& entry : settings.headers.entries()) out.set(entry.key, Value::string(entry.value.text()));
  for (auto& item : settings.headers.items())
    if (const Value *name = item.get("name"), *value = item.get("value"); name && value) out.set(name->text(), Value::string(value->text()));
  return out;
}

// http://host:4318/path, whatever of it was left out.
std::string url_of(const OwnOtlp& settings) {
  if (settings.endpoint.find("://") != std::string::npos) return settings.endpoint;
  return (settings.insecure ? "http://" : "https://") + settings.endpoint;
}

bool is_grpc(const OwnOtlp& settings) { return settings.protocol.starts_with("grpc"); }

// SDKs take an endpoint without a port for the scheme's own.
std::string with_port(const std::string& text) {
  auto url = net::parse_url(text);
  return url ? fmt::format("{}://{}", url->https ? "https" : "http", net::join_host_port(url->host, url->port)) : text;
}

bool has_path(std::string_view url) { return url.find('/', url.find("://") + 3) != url.npos; }

Value milliseconds(std::uint64_t n) { return Value::string(fmt::format("{}ms", n)); }

// The settings of the exporter component that does the work.
Value exporter_settings(const OwnOtlp& settings, otlp::Signal signal) {
  Value out = Value::map(), queue = Value::map(), tls = Value::map();
  std::string url = url_of(settings);
  if (is_grpc(settings))
    out.set("endpoint", Value::string(with_port(url)));
  else
    out.set(fmt::format("{}_endpoint", to_string(signal)),
            Value::string(has_path(url) ? url : fmt::format("{}/v1/{}", url, to_string(signal))));
  for (auto [key, file] : {std::pair("ca_file", &settings.certificate), std::pair("cert_file", &settings.client_certificate),
                           std::pair("key_file", &settings.client_key)})
    if (!file->empty()) tls.set(key, Value::string(*file));
  if (tls.size() > 0) out.set("tls", std::move(tls));
  out.set("headers", headers_of(settings));
  out.set("compression", Value::string(settings.compression));
  out.set("timeout", milliseconds(settings.timeout));
  queue.set("queue_size", Value::of(std::int64_t{16}));
  queue.set("durable", Value::of(false));
  queue.set("num_consumers", Value::of(std::int64_t{1}));
  out.set("sending_queue", std::move(queue));
  return out;
}

std::optional<engine::ComponentSpec> make_exporter(std::string_view type, Value settings, std::size_t number, const config::Mark& mark,
                                                   config::Problems& problems) {
  for (auto& factory : engine::component_table()) {
    if (factory.kind != engine::Kind::exporter || !factory.accepts(type)) continue;
    settings.set_mark(mark);
    auto config = factory.decode(&settings, problems);
    if (!config) return std::nullopt;
    return engine::ComponentSpec{{std::string(type), fmt::format("own-{}", number)}, &factory, std::move(config), {}};
  }
  problems.error(mark, fmt::format("this build has no exporter \"{}\"", type));
  return std::nullopt;
}

std::optional<engine::ComponentSpec> exporter_of(const OwnExporter& exporter, otlp::Signal signal, std::size_t number,
                                                 const config::Mark& mark, config::Problems& problems) {
  if (exporter.console) {
    Value settings = Value::map();
    settings.set("verbosity", Value::string("detailed"));
    settings.set("use_internal_logger", Value::of(false));
    return make_exporter("debug", std::move(settings), number, mark, problems);
  }
  if (!exporter.otlp) return problems.error(mark, "needs an exporter: otlp or console"), std::nullopt;
  std::string_view type = is_grpc(*exporter.otlp) ? "otlp" : "otlphttp";
  return make_exporter(type, exporter_settings(*exporter.otlp, signal), number, mark, problems);
}

PrometheusEndpoint endpoint_of(const PrometheusExporter& settings, const OwnTelemetry& own) {
  PrometheusEndpoint out{.endpoint = fmt::format("{}:{}", settings.host, settings.port),
                         .type_suffixes = !settings.without_type_suffix,
                         .units = !settings.without_units};
  if (settings.with_resource_constant_labels)
    for (auto& [key, value] : own.resource)
      if (settings.with_resource_constant_labels->takes(key)) out.constant.emplace_back(label_name(key), value);
  return out;
}

}  // namespace

bool LabelFilter::takes(std::string_view key) const {
  auto any = [&](const std::vector<std::string>& patterns) {
    return std::any_of(patterns.begin(), patterns.end(), [&](auto& pattern) { return matches(pattern, key); });
  };
  return (included.empty() || any(included)) && !any(excluded);
}

void add_reader(const OwnReader& reader, const config::Mark& mark, OwnTelemetry& out, config::Problems& problems) {
  if (reader.pull && reader.pull->exporter.prometheus) {
    out.prometheus.push_back(endpoint_of(*reader.pull->exporter.prometheus, out));
  } else if (reader.periodic) {
    auto exporter = exporter_of(reader.periodic->exporter, otlp::Signal::metrics, out.feeds.size(), mark, problems);
    if (!exporter) return;
    auto& otlp = reader.periodic->exporter.otlp;
    out.feeds.push_back({.signal = otlp::Signal::metrics,
                         .interval = std::chrono::milliseconds(reader.periodic->interval),
                         .delta = otlp && otlp->temporality_preference != "cumulative",
                         .exporter = std::move(*exporter)});
  } else {
    problems.error(mark, "expected a reader: pull with a prometheus exporter, or periodic");
  }
}

void add_processor(const OwnProcessor& processor, otlp::Signal signal, const config::Mark& mark, OwnTelemetry& out, config::Problems& problems) {
  if (!processor.batch && !processor.simple) return problems.error(mark, "expected a processor: batch or simple");
  // "At once" is a tenth of a second: what happens in it makes one request.
  BatchProcessor rule = processor.batch ? *processor.batch : BatchProcessor{.schedule_delay = 100, .exporter = processor.simple->exporter};
  auto exporter = exporter_of(rule.exporter, signal, out.feeds.size(), mark, problems);
  if (!exporter) return;
  out.feeds.push_back({.signal = signal,
                       .interval = std::chrono::milliseconds(rule.schedule_delay),
                       .max_batch = rule.max_export_batch_size,
                       .max_waiting = rule.max_queue_size,
                       .exporter = std::move(*exporter)});
}

}  // namespace weir::app
