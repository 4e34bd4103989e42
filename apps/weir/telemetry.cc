#include "weir/telemetry.h"

#include "base/rng.h"
#include "base/text.h"
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
  Value processors;

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
        field<&Logs::processors>("processors", "Accepted; own log lines are not sent over OTLP yet."),
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
        field<&Metrics::level>("level", "none switches own metrics off.", {.choices = "none|basic|normal|detailed|None|Basic|Normal|Detailed"}),
        field<&Metrics::address>("address", "host:port of the Prometheus endpoint (old spelling)."),
        field<&Metrics::readers>("readers", "pull: a Prometheus endpoint; periodic: accepted."),
        field<&Metrics::views>("views", "Accepted, without effect."),
    };
    return rows;
  }
};

struct Telemetry {
  Logs logs;
  Metrics metrics;
  Value traces, resource;

  static std::span<const FieldInfo> fields() {
    static const std::array rows{
        field<&Telemetry::logs>("logs", "weir's own log lines."),
        field<&Telemetry::metrics>("metrics", "weir's own metrics."),
        field<&Telemetry::traces>("traces", "Accepted; weir makes no spans of its own yet."),
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

std::string random_uuid() {
  Rng rng = Rng::from_system();
  std::uint64_t a = (rng.next() & ~0xF000ULL) | 0x4000, b = (rng.next() >> 2) | (2ULL << 62);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", a >> 32, a >> 16 & 0xFFFF, a & 0xFFFF, b >> 48, b & 0xFFFFFFFFFFFFULL);
}

std::string label_name(std::string_view key) {
  std::string out(key);
  for (char& c : out)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return out;
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

void read_readers(const std::vector<Value>& readers, OwnTelemetry& out, config::Problems& problems) {
  for (auto& reader : readers) {
    if (const Value* prometheus = reader.find("pull::exporter::prometheus")) {
      const Value *host = prometheus->get("host"), *port = prometheus->get("port");
      out.prometheus_endpoints.push_back(fmt::format("{}:{}", host ? host->text() : "localhost", port ? port->text() : "8888"));
    } else if (reader.find("periodic")) {
      problems.warning(reader.mark(), "periodic readers are accepted and do nothing yet; use a pull reader");
    } else {
      problems.error(reader.mark(), "expected a reader: pull with a prometheus exporter, or periodic");
    }
  }
}

}  // namespace

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
      {"service.name", "weir"}, {"service.version", std::string(version)}, {"service.instance.id", random_uuid()}};
  read_resource(settings->resource, resource, problems);
  for (auto& [key, text] : resource) out.resource.emplace_back(label_name(key), text);

  if (to_lower(settings->metrics.level) == "none") return out;
  if (settings->metrics.readers)
    read_readers(*settings->metrics.readers, out, problems);
  else
    out.prometheus_endpoints = {settings->metrics.address.empty() ? "localhost:8888" : settings->metrics.address};
  return out;
}

}  // namespace weir::app
