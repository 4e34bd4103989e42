#include "weir/telemetry.h"

#include "base/text.h"
#include "net/socket.h"
#include "telemetry/instance.h"
#include "weir/own_export.h"
#include "weir/version.h"

namespace weir::app {
namespace {

using config::Context;
using config::field;
using config::FieldInfo;
using config::Value;

struct LogSampling {
  bool enabled = true;
  Duration tick = 10s;
  std::uint64_t initial = 10, thereafter = 100;

  static std::span<const FieldInfo> fields() {
    static const std::array rows{
        field<&LogSampling::enabled>("enabled", "Limit repeated lines; weir limits each kind of line by itself."),
        field<&LogSampling::tick>("tick", "Window."),
        field<&LogSampling::initial>("initial", "Lines of one kind in a window that are all written."),
        field<&LogSampling::thereafter>("thereafter", "After these, one of so many."),
    };
    return rows;
  }
};

struct Logs {
  std::string level = "info", encoding = "console";
  std::vector<std::string> output_paths = {"stderr"}, error_output_paths = {"stderr"};
  std::map<std::string, std::string> initial_fields;
  bool development = false, disable_caller = false, disable_stacktrace = false, disable_zap_resource = false;
  std::optional<LogSampling> sampling;
  std::vector<Value> processors;

  static std::span<const FieldInfo> fields() {
    static const std::array rows{
        field<&Logs::level>("level", "debug, info, warn or error (any case)."),
        field<&Logs::encoding>("encoding", "Form of a line.", {.choices = "console|json"}),
        field<&Logs::output_paths>("output_paths", "stderr, stdout or files."),
        field<&Logs::error_output_paths>("error_output_paths", "Accepted; errors of the log itself go to stderr."),
        field<&Logs::initial_fields>("initial_fields", "Added to every line."),
        field<&Logs::development>("development", "Accepted, without effect."),
        field<&Logs::disable_caller>("disable_caller", "Accepted; lines carry no caller."),
        field<&Logs::disable_stacktrace>("disable_stacktrace", "Accepted; lines carry no stack trace."),
        field<&Logs::disable_zap_resource>("disable_zap_resource", "Accepted, without effect."),
        field<&Logs::sampling>("sampling", "Limits on repeated lines."),
        field<&Logs::processors>("processors", "Send log lines away: a list of batch or simple."),
    };
    return rows;
  }
};

struct Metrics {
  std::string level = "normal";
  std::string address;
  std::optional<std::vector<Value>> readers;
  Value views;

  static std::span<const FieldInfo> fields() {
    static const std::array rows{
        field<&Metrics::level>("level", "none switches own metrics off; detailed adds sizes of batches in bytes, durations of calls and sizes of HTTP bodies.", {.choices = "none|basic|normal|detailed|None|Basic|Normal|Detailed"}),
        field<&Metrics::address>("address", "host:port of the Prometheus endpoint (old spelling).", {.deprecated = "use readers: [{pull: {exporter: {prometheus: {host: ..., port: ...}}}}]"}),
        field<&Metrics::readers>("readers", "pull: a Prometheus endpoint; periodic: sent over OTLP or printed."),
        field<&Metrics::views>("views", "Accepted, without effect."),
    };
    return rows;
  }
};

struct Traces {
  std::string level = "basic";
  std::vector<std::string> propagators;
  std::vector<Value> processors;
  Value sampler, limits;

  static std::span<const FieldInfo> fields() {
    static const std::array rows{
        field<&Traces::level>("level", "none switches own spans off.", {.choices = "none|basic|normal|detailed|None|Basic|Normal|Detailed"}),
        field<&Traces::propagators>("propagators", "tracecontext or b3; accepted: own spans do not continue the traces of senders."),
        field<&Traces::processors>("processors", "Send own spans away: a list of batch or simple. None: no spans are made."),
        field<&Traces::sampler>("sampler", "always_on, always_off, trace_id_ratio_based: {ratio}, parent_based: {root}."),
        field<&Traces::limits>("limits", "Accepted, without effect."),
    };
    return rows;
  }
};

struct Telemetry {
  Logs logs;
  Metrics metrics;
  Traces traces;
  Value resource;

  static std::span<const FieldInfo> fields() {
    static const std::array rows{
        field<&Telemetry::logs>("logs", "weir's own log lines."),
        field<&Telemetry::metrics>("metrics", "weir's own metrics."),
        field<&Telemetry::traces>("traces", "A span for each request taken and each request sent."),
        field<&Telemetry::resource>("resource", "What own telemetry says about this process."),
    };
    return rows;
  }
};

std::optional<log::Level> level_of(std::string_view text) {
  std::string lower = to_lower(text);
  if (lower == "debug") return log::Level::debug;
  if (lower == "info") return log::Level::info;
  if (lower == "warn") return log::Level::warn;
  if (lower == "error" || lower == "dpanic" || lower == "panic" || lower == "fatal") return log::Level::error;
  return std::nullopt;
}

// A map key → text (null removes a default), or {attributes: [{name, value}]}.
void read_resource(const Value& resource, std::map<std::string, std::string>& out, config::Problems& problems) {
  auto set = [&](const std::string& key, const Value& value) {
    if (value.is_null())
      out.erase(key);
    else
      out[key] = value.text();
  };
  if (resource.is_null()) return;
  if (!resource.is_map()) return problems.error(resource.mark(), "expected a map");
  for (auto& entry : resource.entries()) {
    if (entry.key == "schema_url" || entry.key == "detectors") continue;
    if (entry.key != "attributes" || !entry.value.is_list()) {
      set(entry.key, entry.value);
      continue;
    }
    for (auto& item : entry.value.items())
      if (const Value *name = item.get("name"), *value = item.get("value"); name && value) set(name->text(), *value);
  }
}

template <class T, class Add>
void read_each(std::string_view key, const std::vector<Value>& items, config::Problems& problems, Add add) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    config::Problems::Scope scope(problems, fmt::format("{}::{}", key, i));
    if (auto item = config::decode<T>(&items[i], problems)) add(*item, items[i].mark());
  }
}

void read_processors(std::string_view key, const std::vector<Value>& processors, otlp::Signal signal, OwnTelemetry& out,
                     config::Problems& problems) {
  read_each<OwnProcessor>(key, processors, problems, [&](const OwnProcessor& processor, const config::Mark& mark) {
    add_processor(processor, signal, mark, out, problems);
  });
}

// The share of spans that are wanted; what has a parent is not told apart, as own spans have none.
double share_of(const Value& sampler, config::Problems& problems) {
  if (sampler.is_null() || sampler.get("always_on")) return 1;
  if (sampler.get("always_off")) return 0;
  if (const Value* root = sampler.find("parent_based::root")) return share_of(*root, problems);
  if (sampler.get("parent_based")) return 1;
  const Value* ratio = sampler.find("trace_id_ratio_based::ratio");
  if (ratio == nullptr) return problems.error(sampler.mark(), "traces::sampler: expected always_on, always_off, trace_id_ratio_based or parent_based"), 1;
  double share = ratio->as_double();
  if (!(share >= 0 && share <= 1)) problems.error(ratio->mark(), "traces::sampler: the ratio must be between 0 and 1");
  return share;
}

// Where nothing else was asked for, with the labels that collectors of that time put on each series.
PrometheusEndpoint default_endpoint(const std::string& address, const OwnTelemetry& own) {
  PrometheusEndpoint out{.endpoint = address.empty() ? "localhost:8888" : address};
  for (auto& [key, text] : own.resource) out.constant.emplace_back(label_name(key), text);
  return out;
}

}  // namespace

std::span<const FieldInfo> telemetry_fields() { return Telemetry::fields(); }

std::string label_name(std::string_view key) {
  std::string out(key);
  for (char& c : out)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return out;
}

OwnTelemetry read_telemetry(const Value* value, config::Problems& problems) {
  config::Problems::Scope scope(problems, "telemetry");
  OwnTelemetry out;
  auto settings = config::decode<Telemetry>(value, problems);
  if (!settings) return out;

  auto level = level_of(settings->logs.level);
  if (!level) problems.error(value->mark(), fmt::format("logs::level: unknown level \"{}\" (debug, info, warn, error)", settings->logs.level));
  out.logs.level = level.value_or(log::Level::info);
  out.logs.json = settings->logs.encoding == "json";
  out.logs.output_paths = settings->logs.output_paths;
  out.logs.initial_fields.assign(settings->logs.initial_fields.begin(), settings->logs.initial_fields.end());

  std::map<std::string, std::string> resource = {
      {"service.name", "weir"}, {"service.version", std::string(version)}, {"service.instance.id", telemetry::instance_id()}};
  read_resource(settings->resource, resource, problems);
  out.resource.assign(resource.begin(), resource.end());
  if (auto id = resource.find("service.instance.id"); id != resource.end()) telemetry::set_instance_id(id->second);

  read_processors("logs::processors", settings->logs.processors, otlp::Signal::logs, out, problems);
  if (to_lower(settings->traces.level) != "none")
    read_processors("traces::processors", settings->traces.processors, otlp::Signal::traces, out, problems);
  out.span_share = share_of(settings->traces.sampler, problems);
  for (auto& propagator : settings->traces.propagators)
    if (propagator != "tracecontext" && propagator != "b3")
      problems.error(value->mark(), fmt::format("traces::propagators: unknown \"{}\" (tracecontext, b3)", propagator));

  if (to_lower(settings->metrics.level) == "none") return out;
  out.detailed = to_lower(settings->metrics.level) == "detailed";
  if (settings->metrics.readers && settings->metrics.readers->empty())
    problems.error(value->mark(), "metrics::readers: a reader should exist when the level is not none");
  if (settings->metrics.readers)
    read_each<OwnReader>("metrics::readers", *settings->metrics.readers, problems,
                         [&](const OwnReader& reader, const config::Mark& mark) { add_reader(reader, mark, out, problems); });
  else
    out.prometheus = {default_endpoint(settings->metrics.address, out)};
  for (auto& endpoint : out.prometheus)
    if (auto parsed = net::parse_endpoint(endpoint.endpoint); !parsed)
      problems.error(value ? value->mark() : config::Mark{}, fmt::format("metrics: {}", parsed.error().what));
  return out;
}

}  // namespace weir::app
