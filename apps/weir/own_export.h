#pragma once
// The parts of service::telemetry that send own telemetry away: metric readers, span and log processors, their exporters.
#include "config/field.h"
#include "weir/settings.h"

namespace weir::app {

struct OwnOtlp {
  std::string protocol = "http/protobuf", endpoint, compression = "none", headers_list, temporality_preference = "cumulative";
  config::Value headers;  // a list of {name, value}, or a map
  std::uint64_t timeout = 10'000;
  bool insecure = false;
  std::string certificate, client_certificate, client_key, default_histogram_aggregation;
  static std::span<const config::FieldInfo> fields();
};

struct OwnConsole {
  static std::span<const config::FieldInfo> fields() { return {}; }
};

struct OwnExporter {
  std::optional<OwnOtlp> otlp;
  std::optional<OwnConsole> console;
  static std::span<const config::FieldInfo> fields();
};

struct BatchProcessor {
  std::uint64_t schedule_delay = 5'000, export_timeout = 30'000, max_queue_size = 2048, max_export_batch_size = 512;
  OwnExporter exporter;
  static std::span<const config::FieldInfo> fields();
};

struct SimpleProcessor {
  OwnExporter exporter;
  static std::span<const config::FieldInfo> fields();
};

struct OwnProcessor {
  std::optional<BatchProcessor> batch;
  std::optional<SimpleProcessor> simple;
  static std::span<const config::FieldInfo> fields();
};

struct LabelFilter {
  std::vector<std::string> included, excluded;  // with * and ?
  bool takes(std::string_view key) const;
  static std::span<const config::FieldInfo> fields();
};

struct PrometheusExporter {
  std::string host = "localhost";
  std::uint64_t port = 8888;
  bool without_units = true, without_type_suffix = true, without_scope_info = true;
  std::optional<LabelFilter> with_resource_constant_labels;
  static std::span<const config::FieldInfo> fields();
};

struct PullExporter {
  std::optional<PrometheusExporter> prometheus;
  static std::span<const config::FieldInfo> fields();
};

struct PullReader {
  PullExporter exporter;
  static std::span<const config::FieldInfo> fields();
};

struct PeriodicReader {
  std::uint64_t interval = 60'000, timeout = 30'000;
  OwnExporter exporter;
  static std::span<const config::FieldInfo> fields();
};

struct OwnReader {
  std::optional<PullReader> pull;
  std::optional<PeriodicReader> periodic;
  static std::span<const config::FieldInfo> fields();
};

// Each adds to `out`; problems are told at `mark`. Resource labels must be known already.
void add_reader(const OwnReader& reader, const config::Mark& mark, OwnTelemetry& out, config::Problems& problems);
void add_processor(const OwnProcessor& processor, otlp::Signal signal, const config::Mark& mark, OwnTelemetry& out, config::Problems& problems);

}  // namespace weir::app
