#include "components/processors/filter/old_rules.h"

namespace weir::processors::filter {
namespace {

using matching::MatchType;
using otlp::Signal;

bool has_values(std::span<const matching::AttributeRule> rules) {
  return std::any_of(rules.begin(), rules.end(), [](auto& rule) { return !rule.value.is_null(); });
}

Result<> need_match_type(MatchType type, bool needed) {
  if (!needed || type == MatchType::strict || type == MatchType::regexp) return {};
  return fail(Errc::config, "match_type is required: strict or regexp");
}

Result<matching::Properties> properties_of(const LogProperties& log) {
  WEIR_TRY(need_match_type(log.match_type, !log.severity_texts.empty() || !log.bodies.empty() ||
                                               has_values(log.resource_attributes) || has_values(log.record_attributes)));
  matching::Properties out;
  // What is left needs no type; any will do.
  out.match_type = log.match_type == MatchType::regexp ? MatchType::regexp : MatchType::strict;
  out.resources = log.resource_attributes;
  out.attributes = log.record_attributes;
  out.log_severity_texts = log.severity_texts;
  out.log_bodies = log.bodies;
  if (log.severity_number)
    out.log_severity_number = {severity_number(log.severity_number->min).value_or(0), log.severity_number->match_undefined};
  return out;
}

Result<matching::Selection> select_logs(const Logs& logs) {
  std::optional<matching::Properties> include, exclude;
  for (auto [from, to] : {std::pair(&logs.include, &include), std::pair(&logs.exclude, &exclude)}) {
    if (!*from || (*from)->empty()) continue;
    WEIR_ASSIGN(*to, properties_of(**from));
  }
  return matching::Selection::make(include ? &*include : nullptr, exclude ? &*exclude : nullptr, Signal::logs);
}

Result<OldRules> of_metrics(const Metrics& metrics) {
  OldRules out;
  for (auto [from, to] : {std::pair(&metrics.include, &out.include), std::pair(&metrics.exclude, &out.exclude)}) {
    if (!*from) continue;
    WEIR_ASSIGN(*to, MetricMatcher::make(**from));
  }
  return out;
}

}  // namespace

Result<MetricMatcher> MetricMatcher::make(const MetricProperties& p) {
  bool by_expression = p.match_type == MatchType::expr;
  WEIR_TRY(need_match_type(p.match_type, has_values(p.resource_attributes) || (!by_expression && !p.metric_names.empty())));
  if (!by_expression && !p.expressions.empty()) return fail(Errc::config, "expressions need match_type: expr");
  MetricMatcher out;
  WEIR_ASSIGN(out.resources, matching::AttributeSet::make(p.match_type, p.resource_attributes));
  if (!by_expression) {
    WEIR_ASSIGN(out.names, matching::TextSet::make(p.match_type, p.metric_names));
    return out;
  }
  for (auto& text : p.expressions) {
    WEIR_ASSIGN(auto expression, Expression::compile(text));
    out.expressions.push_back(std::move(expression));
  }
  return out;
}

Result<bool> MetricMatcher::matches(const otlp::Metric& metric) const {
  if (!names.empty()) return names.matches(metric.name);
  for (auto& expression : expressions) {
    for (auto& point : metric.points) {
      WEIR_ASSIGN(bool holds, expression.test(metric, point));
      if (holds) return true;
    }
  }
  return false;
}

Result<OldRules> OldRules::make(const Config& config, Signal signal) {
  OldRules out;
  switch (signal) {
    case Signal::traces: {
      if (!config.trace_conditions.blocks.empty() || !config.spans.given()) return out;
      auto& spans = config.spans;
      WEIR_ASSIGN(out.selection, matching::Selection::make(spans.include ? &*spans.include : nullptr,
                                                           spans.exclude ? &*spans.exclude : nullptr, signal));
      return out;
    }
    case Signal::metrics: return of_metrics(config.metrics);
    case Signal::logs: {
      WEIR_ASSIGN(out.selection, select_logs(config.logs));
      return out;
    }
    case Signal::profiles: break;
  }
  return out;
}

}  // namespace weir::processors::filter
