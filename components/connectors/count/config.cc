#include "components/connectors/count/config.h"

#include "components/shared/ottl_settings/places.h"
#include "components/shared/totals/stage.h"
#include "engine/decode.h"

namespace weir::connectors::count {

using ottl::ContextId;

std::span<const config::FieldInfo> Attribute::fields() {
  using config::field;
  static const std::array rows{
      field<&Attribute::key>("key", "Of the item, else of its scope, else of its resource.", {.required = true}),
      field<&Attribute::default_value>("default_value", "Where there is none. Items that lack an attribute without default are not counted."),
  };
  return rows;
}

std::span<const config::FieldInfo> Metric::fields() {
  using config::field;
  static const std::array rows{
      field<&Metric::description>("description", "Of the metric."),
      field<&Metric::conditions>("conditions", "OTTL conditions; an item counts when one of them holds. When absent, all count."),
      field<&Metric::attributes>("attributes", "Counted apart for each combination of their values. Not for metrics."),
  };
  return rows;
}

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      field<&Config::spans>("spans", "Metrics that count spans, by name. When absent: trace.span.count."),
      field<&Config::spanevents>("spanevents", "Events of spans. When absent: trace.span.event.count."),
      field<&Config::metrics>("metrics", "Metrics. When absent: metric.count."),
      field<&Config::datapoints>("datapoints", "Data points. When absent: metric.datapoint.count."),
      field<&Config::logs>("logs", "Log records. When absent: log.record.count."),
      field<&Config::profiles>("profiles", "Accepted; profiles are not counted."),
  };
  return rows;
}

Metrics Config::of(ContextId context) const {
  struct Default {
    ContextId context;
    const Metrics& given;
    std::string_view name, description;
  };
  const std::array defaults{
      Default{ContextId::span, spans, "trace.span.count", "The number of spans observed."},
      Default{ContextId::spanevent, spanevents, "trace.span.event.count", "The number of span events observed."},
      Default{ContextId::metric, metrics, "metric.count", "The number of metrics observed."},
      Default{ContextId::datapoint, datapoints, "metric.datapoint.count", "The number of data points observed."},
      Default{ContextId::log, logs, "log.record.count", "The number of log records observed."},
  };
  for (auto& row : defaults) {
    if (row.context != context) continue;
    if (!row.given.empty()) return row.given;
    return {{std::string(row.name), Metric{.description = std::string(row.description), .conditions = {}, .attributes = {}}}};
  }
  return {};
}

void Config::validate(config::Context& context) const {
  auto check = [&](std::string_view key, ContextId of, const Metrics& all) {
    for (auto& [name, metric] : all) {
      std::string at = fmt::format("{}::{}", key, name);
      if (name.empty()) context.error_at(key, "metric name missing");
      if (of == ContextId::metric && !metric.attributes.empty()) context.error_at(at, fmt::format("metrics attributes not supported: metric \"{}\"", name));
      ottl::check_conditions(of, metric.conditions, {.caller = ottl::Callers::filter}, at + "::conditions", context);
    }
  };
  check("spans", ContextId::span, spans);
  check("spanevents", ContextId::spanevent, spanevents);
  check("metrics", ContextId::metric, metrics);
  check("datapoints", ContextId::datapoint, datapoints);
  check("logs", ContextId::log, logs);
}

namespace {

constexpr std::string_view scope_name = "github.com/open-telemetry/opentelemetry-collector-contrib/connector/countconnector";  // what dashboards may filter by

totals::Definitions definitions(const Metrics& metrics) {
  totals::Definitions out;
  for (auto& [name, metric] : metrics) {
    out.push_back({.name = name, .description = metric.description, .conditions = metric.conditions});
    for (auto& attribute : metric.attributes) out.back().attributes.push_back({attribute.key, attribute.default_value});
  }
  return out;
}

}  // namespace

engine::Factory factory() {
  using otlp::Signal;
  return {.kind = engine::Kind::connector,
          .type = "count",
          .summary = "Counts spans, span events, metrics, data points and log records.",
          .conversions = {{Signal::traces, Signal::metrics}, {Signal::metrics, Signal::metrics}, {Signal::logs, Signal::metrics}},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_stage = [](const void* config, engine::StageContext& context) {
            auto& c = *static_cast<const Config*>(config);
            return totals::make_stage([&](ContextId id) { return definitions(c.of(id)); }, scope_name, context);
          }};
}

}  // namespace weir::connectors::count
