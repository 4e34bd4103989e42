#pragma once
#include "components/processors/filter/conditions.h"
#include "components/shared/matching/properties.h"

namespace weir::processors::filter {

// A list of conditions; without a value it was not given.
using Conditions = std::optional<std::vector<std::string>>;

struct Traces {
  Conditions resource, span, spanevent;
  static std::span<const config::FieldInfo> fields();
  bool given() const { return resource || span || spanevent; }
};

// include and exclude of spans.
struct SpanMatch {
  std::optional<matching::Properties> include, exclude;
  static std::span<const config::FieldInfo> fields();
  bool given() const { return include || exclude; }
};

struct MetricProperties {
  matching::MatchType match_type = matching::MatchType::none;
  std::vector<std::string> metric_names, expressions;
  std::vector<matching::AttributeRule> resource_attributes;
  matching::RegexpSettings regexp;
  static std::span<const config::FieldInfo> fields();
};

struct Metrics {
  Conditions resource, metric, datapoint;
  std::optional<MetricProperties> include, exclude;
  matching::RegexpSettings regexp;
  static std::span<const config::FieldInfo> fields();
  bool given() const { return resource || metric || datapoint; }
  bool old_given() const { return include || exclude; }
};

struct Severity {
  std::string min;  // a name as WARN or ERROR2, or a number; empty: any
  bool match_undefined = false;
  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};
// 0 for an empty word; nothing for an unknown one.
std::optional<std::int32_t> severity_number(std::string_view word);

struct LogProperties {
  matching::MatchType match_type = matching::MatchType::none;
  std::vector<matching::AttributeRule> resource_attributes, record_attributes;
  std::vector<std::string> severity_texts, bodies;
  std::optional<Severity> severity_number;
  static std::span<const config::FieldInfo> fields();
  // Without anything to match it counts as not given.
  bool empty() const;
};

struct Logs {
  Conditions resource, log_record;
  std::optional<LogProperties> include, exclude;
  static std::span<const config::FieldInfo> fields();
  bool given() const { return resource || log_record; }
  bool old_given() const { return include || exclude; }
};

struct Profiles {
  static std::span<const config::FieldInfo> fields();
};

struct Config {
  ottl::ErrorMode error_mode = ottl::ErrorMode::ignore;
  ConditionBlocks trace_conditions, metric_conditions, log_conditions;
  config::Value profile_conditions;
  Traces traces;
  Metrics metrics;
  Logs logs;
  SpanMatch spans;
  Profiles profiles;

  static std::span<const config::FieldInfo> fields();
  void validate(config::Context& context) const;
};

}  // namespace weir::processors::filter
