#pragma once
// Settings and rules that every exporter of the Prometheus family has.
#include <optional>

#include "config/field.h"
#include "otlp/model.h"
#include "prometheus/names.h"

namespace weir::prometheus {

std::span<const config::Choice> choices_of(Strategy);

// `resource_to_telemetry_conversion`.
struct ResourceConversion {
  bool enabled = false;
  bool exclude_service_attributes = false;
  static std::span<const config::FieldInfo> fields();

  // Puts the resource's attributes on a point, over its own.
  void apply(const otlp::Attributes& resource, Arena& arena, otlp::Attributes& point) const;
};

MetricKind kind_of(const otlp::Metric& metric);

// What tells resources apart: service.namespace/service.name and service.instance.id. Nothing where there is no such attribute.
struct Identity {
  std::optional<std::string> job, instance;
  static Identity of(const otlp::Attributes& resource);
};
bool is_identity(std::string_view key);

inline constexpr std::string_view type_in_metadata = "prometheus.type";

inline constexpr std::uint32_t no_recorded_value = 1;
inline bool has_no_value(const otlp::DataPoint& point) { return point.flags & no_recorded_value; }
inline double value_of(const otlp::DataPoint& p) {
  return p.type == otlp::NumberType::integer ? static_cast<double>(p.integer) : p.type == otlp::NumberType::real ? p.real : 0;
}
inline double value_of(const otlp::Exemplar& e) {
  return e.type == otlp::NumberType::integer ? static_cast<double>(e.integer) : e.type == otlp::NumberType::real ? e.real : 0;
}

}  // namespace weir::prometheus
