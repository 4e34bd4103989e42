#include "components/processors/filter/config.h"

#include "base/text.h"
#include "components/processors/filter/filter.h"
#include "components/processors/filter/old_rules.h"
#include "components/shared/ottl_settings/places.h"
#include "engine/decode.h"

namespace weir::processors::filter {
namespace {

using otlp::Signal;

// Both ways of saying it for one signal, the words being those that people search for.
void check_one_way(const Config& c, config::Context& context) {
  auto both = [&](std::string_view a, std::string_view b) {
    context.error_at("", fmt::format("cannot use {} and {} at the same time", a, b));
  };
  if (c.traces.given() && c.spans.given()) both("\"traces\" conditions", "\"spans.include\", \"spans.exclude\"");
  if (c.metrics.given() && c.metrics.old_given()) both("\"metrics\" conditions", "\"metrics.include\", \"metrics.exclude\"");
  if (c.logs.given() && c.logs.old_given()) both("\"logs\" conditions", "\"logs.include\", \"logs.exclude\"");
  if (c.trace_conditions.given && c.traces.given()) both("\"trace_conditions\"", "\"traces\"");
  if (c.metric_conditions.given && (c.metrics.given() || c.metrics.old_given())) both("\"metric_conditions\"", "\"metrics\"");
  if (c.log_conditions.given && (c.logs.given() || c.logs.old_given())) both("\"log_conditions\"", "\"logs\"");
}

void check_conditions(const Conditions& conditions, std::string_view key, ottl::ContextId what, config::Context& context) {
  if (!conditions) return;
  ottl::check_conditions(what, *conditions, {.caller = ottl::Callers::filter}, key, context);
}

void check_blocks(const ConditionBlocks& blocks, std::string_view key, Signal signal, config::Context& context) {
  for (std::size_t i = 0; i < blocks.blocks.size(); ++i) {
    auto& block = blocks.blocks[i];
    auto rules = Rules::make(block, signal, ottl::ErrorMode::propagate);
    if (rules) continue;
    std::string at = blocks.flat ? std::string(key) : fmt::format("{}::{}::conditions", key, i);
    ottl::report_elements(block.conditions.size(), at, rules.error(), context, [&](std::size_t j) -> Result<> {
      Block one = block;
      one.conditions = {block.conditions[j]};
      WEIR_TRY(Rules::make(one, signal, ottl::ErrorMode::propagate));
      return {};
    });
  }
}

Result<> check(const void* config, Signal signal) {
  auto rules = OldRules::make(*static_cast<const Config*>(config), signal);
  if (!rules) return std::unexpected(std::move(rules.error()));
  return {};
}

}  // namespace

std::span<const config::FieldInfo> Traces::fields() {
  using config::field;
  static const std::array rows{
      field<&Traces::resource>("resource", "Resources that one of these holds for go, with all their spans."),
      field<&Traces::span>("span", "Spans that one of these holds for go."),
      field<&Traces::spanevent>("spanevent", "Span events that one of these holds for go; their span stays."),
  };
  return rows;
}

std::span<const config::FieldInfo> SpanMatch::fields() {
  using config::field;
  static const std::array rows{
      field<&SpanMatch::include>("include", "Only spans that match this stay."),
      field<&SpanMatch::exclude>("exclude", "Spans that match this go, even when they are included."),
  };
  return rows;
}

std::span<const config::FieldInfo> MetricProperties::fields() {
  using config::field;
  static const std::array rows{
      field<&MetricProperties::match_type>("match_type", "strict: equal; regexp: found anywhere in the text; expr: see expressions."),
      field<&MetricProperties::metric_names>("metric_names", "Names, one of which must match."),
      field<&MetricProperties::expressions>("expressions", "With match_type expr: one of these holds for one of the data points."),
      field<&MetricProperties::resource_attributes>("resource_attributes", "Resource attributes, all of which must match; decides on all metrics of a resource."),
      field<&MetricProperties::regexp>("regexp", "Of older collectors."),
  };
  return rows;
}

std::span<const config::FieldInfo> Metrics::fields() {
  using config::field;
  static const std::array rows{
      field<&Metrics::resource>("resource", "Resources that one of these holds for go, with all their metrics."),
      field<&Metrics::metric>("metric", "Metrics that one of these holds for go."),
      field<&Metrics::datapoint>("datapoint", "Data points that one of these holds for go; a metric without any goes with the last."),
      field<&Metrics::include>("include", "Only metrics that match this stay."),
      field<&Metrics::exclude>("exclude", "Metrics that match this go, even when they are included."),
      field<&Metrics::regexp>("regexp", "Of older collectors."),
  };
  return rows;
}

std::span<const config::FieldInfo> Severity::fields() {
  using config::field;
  static const std::array rows{
      field<&Severity::min>("min", "Least severity: TRACE to FATAL4, or 1 to 24."),
      field<&Severity::match_undefined>("match_undefined", "Records without a severity number match."),
  };
  return rows;
}

std::optional<std::int32_t> severity_number(std::string_view word) {
  static constexpr std::array<std::string_view, 6> names = {"trace", "debug", "info", "warn", "error", "fatal"};
  if (word.empty()) return 0;
  std::string lower = to_lower(word);
  for (std::int32_t number = 1; number <= 24; ++number) {
    auto level = static_cast<std::size_t>(number - 1) / 4;
    int step = (number - 1) % 4 + 1;
    if (lower == std::to_string(number)) return number;
    if (lower == (step == 1 ? std::string(names[level]) : fmt::format("{}{}", names[level], step))) return number;
  }
  return {};
}

void Severity::validate(config::Context& context) const {
  if (!severity_number(min)) context.error_at("min", fmt::format("'{}' is not a valid severity", min));
}

std::span<const config::FieldInfo> LogProperties::fields() {
  using config::field;
  static const std::array rows{
      field<&LogProperties::match_type>("match_type", "strict: equal; regexp: found anywhere in the text."),
      field<&LogProperties::resource_attributes>("resource_attributes", "Resource attributes, all of which must match."),
      field<&LogProperties::record_attributes>("record_attributes", "Attributes, all of which must match."),
      field<&LogProperties::severity_texts>("severity_texts", "Severity texts, one of which must match."),
      field<&LogProperties::severity_number>("severity_number", "The severity number."),
      field<&LogProperties::bodies>("bodies", "Bodies, as text, one of which must match."),
  };
  return rows;
}

bool LogProperties::empty() const {
  return resource_attributes.empty() && record_attributes.empty() && severity_texts.empty() && bodies.empty() && !severity_number;
}

std::span<const config::FieldInfo> Logs::fields() {
  using config::field;
  static const std::array rows{
      field<&Logs::resource>("resource", "Resources that one of these holds for go, with all their records."),
      field<&Logs::log_record>("log_record", "Log records that one of these holds for go."),
      field<&Logs::include>("include", "Only records that match this stay."),
      field<&Logs::exclude>("exclude", "Records that match this go, even when they are included."),
  };
  return rows;
}

std::span<const config::FieldInfo> Profiles::fields() {
  static const std::array rows{
      config::ignored("resource", "profiles are passed through whole"),
      config::ignored("profile", "profiles are passed through whole"),
  };
  return rows;
}

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      field<&Config::error_mode>("error_mode", "When a condition fails: ignore (log it, it does not hold), silent (it does not hold) or propagate (refuse the batch)."),
      field<&Config::trace_conditions>("trace_conditions", "What one of these holds for goes; contexts resource, scope, span, spanevent."),
      field<&Config::metric_conditions>("metric_conditions", "What one of these holds for goes; contexts resource, scope, metric, datapoint."),
      field<&Config::log_conditions>("log_conditions", "What one of these holds for goes; contexts resource, scope, log."),
      field<&Config::profile_conditions>("profile_conditions", "Accepted; profiles are not filtered."),
      field<&Config::traces>("traces", "Conditions in the older spelling."),
      field<&Config::metrics>("metrics", "Conditions in the older spelling, or include and exclude."),
      field<&Config::logs>("logs", "Conditions in the older spelling, or include and exclude."),
      field<&Config::spans>("spans", "Include and exclude of spans, older than conditions."),
      field<&Config::profiles>("profiles", "Accepted; profiles are not filtered."),
  };
  return rows;
}

void Config::validate(config::Context& context) const {
  using enum ottl::ContextId;
  check_one_way(*this, context);
  check_conditions(traces.resource, "traces::resource", resource, context);
  check_conditions(traces.span, "traces::span", span, context);
  check_conditions(traces.spanevent, "traces::spanevent", spanevent, context);
  check_conditions(metrics.resource, "metrics::resource", resource, context);
  check_conditions(metrics.metric, "metrics::metric", metric, context);
  check_conditions(metrics.datapoint, "metrics::datapoint", datapoint, context);
  check_conditions(logs.resource, "logs::resource", resource, context);
  check_conditions(logs.log_record, "logs::log_record", log, context);
  check_blocks(trace_conditions, "trace_conditions", Signal::traces, context);
  check_blocks(metric_conditions, "metric_conditions", Signal::metrics, context);
  check_blocks(log_conditions, "log_conditions", Signal::logs, context);
}

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "filter",
          .summary = "Drops spans, span events, metrics, data points and log records by conditions.",
          .signals = {Signal::traces, Signal::metrics, Signal::logs},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .check = check,
          .make_stage = [](const void* config, engine::StageContext& context) {
            return make_stage(*static_cast<const Config*>(config), context);
          }};
}

}  // namespace weir::processors::filter
