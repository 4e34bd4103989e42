#pragma once
#include "base/gates.h"
#include "base/time.h"

namespace weir::config {
struct FieldInfo;
class Context;
class Value;
}  // namespace weir::config

namespace weir::connectors::spanmetrics {

// Feature gates of the collector that change what comes out.
inline bool instance_id_gate() { return gates::enabled("connector.spanmetrics.includeCollectorInstanceID", true); }
inline bool exclude_resource_gate() { return gates::enabled("connector.spanmetrics.excludeResourceMetrics"); }
inline bool legacy_names_gate() { return gates::enabled("connector.spanmetrics.legacyMetricNames"); }
inline bool otel_status_gate() { return gates::enabled("spanmetrics.statusCodeConvention.useOtelPrefix"); }
inline bool seconds_gate() { return gates::enabled("connector.spanmetrics.useSecondAsDefaultMetricsUnit"); }

inline constexpr std::string_view default_namespace = "traces.span.metrics";
inline constexpr std::string_view delta_temporality = "AGGREGATION_TEMPORALITY_DELTA";

enum class Unit : std::uint8_t { milliseconds, seconds };
// Whose spans may be exemplars.
enum class ExemplarTraces : std::uint8_t { automatic, kept, all };

struct Dimension {
  std::string name;
  std::optional<std::string> default_value;
  std::string glob;
  static std::span<const config::FieldInfo> fields();
};

struct ExplicitHistogram {
  std::vector<Duration> buckets;
  static std::span<const config::FieldInfo> fields();
};

struct ExponentialHistogram {
  std::int32_t max_size = 160;
  static std::span<const config::FieldInfo> fields();
};

struct Histogram {
  bool disable = false;
  Unit unit = seconds_gate() ? Unit::seconds : Unit::milliseconds;
  std::optional<ExponentialHistogram> exponential;
  std::optional<ExplicitHistogram> explicit_buckets;
  std::vector<Dimension> dimensions;
  static std::span<const config::FieldInfo> fields();
  // A kind of buckets without a value (`explicit:`) is as if it were not there.
  static Result<Histogram> decode(const config::Value& value, config::Context& context);
  // Upper bounds in the unit.
  std::vector<double> bounds() const;
};

struct Exemplars {
  bool enabled = false;
  std::int64_t max_per_data_point = 5;
  ExemplarTraces traces = ExemplarTraces::automatic;
  std::uint64_t max_candidates = 100'000;
  Duration max_wait = 2min;
  static std::span<const config::FieldInfo> fields();
};

struct Events {
  bool enabled = false;
  std::vector<Dimension> dimensions;
  static std::span<const config::FieldInfo> fields();
};

struct Config {
  std::vector<Dimension> dimensions, calls_dimensions;
  std::vector<std::string> exclude_dimensions;
  std::int64_t dimensions_cache_size = 0;
  std::int64_t resource_metrics_cache_size = 1000;
  std::vector<std::string> resource_metrics_key_attributes;
  std::string aggregation_temporality = "AGGREGATION_TEMPORALITY_CUMULATIVE";
  Histogram histogram;
  Duration metrics_flush_interval = 60s;
  Duration metrics_expiration{}, series_expiration{};
  std::int64_t metric_timestamp_cache_size = 1000;
  std::string namespace_ = std::string(default_namespace);
  Exemplars exemplars;
  Events events;
  std::vector<std::string> include_instrumentation_scope;
  std::int64_t aggregation_cardinality_limit = 10'000;
  bool add_resource_attributes = false;
  bool enable_metrics_sampling_method = false;
  std::string instance_id;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;

  bool delta() const { return aggregation_temporality == delta_temporality; }
  bool excludes(std::string_view dimension) const;
  // "traces.span.metrics.calls" of "calls".
  std::string metric_name(std::string_view name) const;
};

}  // namespace weir::connectors::spanmetrics
