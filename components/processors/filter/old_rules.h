#pragma once
// include and exclude, compiled: what filters looked like before they had conditions.
#include "components/processors/filter/config.h"
#include "components/processors/filter/expression.h"
#include "components/shared/matching/selection.h"

namespace weir::processors::filter {

// include or exclude of metrics. Its two parts decide alone: resources on whole resources, names on single metrics.
struct MetricMatcher {
  static Result<MetricMatcher> make(const MetricProperties& properties);

  bool looks_at_resources() const { return !resources.empty(); }
  bool looks_at_metrics() const { return !names.empty() || !expressions.empty(); }
  // Fails when an expression fails or is no yes or no.
  Result<bool> matches(const otlp::Metric& metric) const;

  matching::AttributeSet resources;
  matching::TextSet names;
  std::vector<Expression> expressions;
};

// What include and exclude of one signal say; without them, nothing is dropped.
struct OldRules {
  // Empty where conditions are given, which win.
  static Result<OldRules> make(const Config& config, otlp::Signal signal);

  bool empty() const { return !selection.selective() && !include && !exclude; }

  matching::Selection selection;                  // spans, log records
  std::optional<MetricMatcher> include, exclude;  // metrics
};

}  // namespace weir::processors::filter
