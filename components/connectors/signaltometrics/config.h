#pragma once
#include "components/shared/ottl_settings/error_mode.h"
#include "config/field.h"
#include "ottl/context.h"

namespace weir::connectors::signaltometrics {

struct Attribute {
  std::string key, keys_expression;
  bool optional = false;
  config::Value default_value;
  static std::span<const config::FieldInfo> fields();
};

struct Histogram {
  std::vector<double> buckets;
  std::string count, value;
  static std::span<const config::FieldInfo> fields();
};

struct ExponentialHistogram {
  std::uint64_t max_size = 160;
  std::string count, value;
  static std::span<const config::FieldInfo> fields();
};

struct Sum {
  std::string value;
  bool monotonic = false;
  static std::span<const config::FieldInfo> fields();
};

struct Gauge {
  std::string value;
  static std::span<const config::FieldInfo> fields();
};

struct Metric {
  std::string name, description, unit;
  std::vector<Attribute> include_resource_attributes, attributes;
  std::vector<std::string> conditions;
  std::optional<Histogram> histogram;
  std::optional<ExponentialHistogram> exponential_histogram;
  std::optional<Sum> sum;
  std::optional<Gauge> gauge;
  static std::span<const config::FieldInfo> fields();
};

struct Config {
  std::vector<Metric> spans, datapoints, logs;
  ottl::ErrorMode error_mode = ottl::ErrorMode::propagate;
  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
  const std::vector<Metric>& of(otlp::Signal signal) const;
};

inline ottl::ContextId context_of(otlp::Signal signal) {
  if (signal == otlp::Signal::traces) return ottl::ContextId::span;
  return signal == otlp::Signal::logs ? ottl::ContextId::log : ottl::ContextId::datapoint;
}

}  // namespace weir::connectors::signaltometrics
