#pragma once
#include "config/field.h"
#include "otlp/model.h"
#include "ottl/context.h"

namespace weir::connectors::count {

struct Attribute {
  std::string key;
  config::Value default_value;

  static std::span<const config::FieldInfo> fields();
};

// One metric that is made.
struct Metric {
  std::string description;
  std::vector<std::string> conditions;
  std::vector<Attribute> attributes;

  static std::span<const config::FieldInfo> fields();
};

// By name.
using Metrics = std::map<std::string, Metric>;

struct Config {
  Metrics spans, spanevents, metrics, datapoints, logs;
  config::Value profiles;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;

  // What is counted of a context: as configured, otherwise the metric that the collector makes by default.
  Metrics of(ottl::ContextId context) const;
};

}  // namespace weir::connectors::count
