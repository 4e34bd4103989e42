#include "components/connectors/count/config.h"

#include "components/shared/totals/stage.h"
#include "engine/decode.h"

namespace weir::connectors::count {

using ottl::ContextId;

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

totals::Definitions Config::definitions(ContextId context) const {
  totals::Definitions out;
  for (auto& [name, metric] : of(context)) out.push_back(totals::definition_of(name, metric));
  if (!out.empty()) return out;
  struct Default {
    ContextId context;
    std::string_view name, description;
  };
  constexpr Default defaults[] = {
      {ContextId::span, "trace.span.count", "The number of spans observed."},
      {ContextId::spanevent, "trace.span.event.count", "The number of span events observed."},
      {ContextId::metric, "metric.count", "The number of metrics observed."},
      {ContextId::datapoint, "metric.datapoint.count", "The number of data points observed."},
      {ContextId::log, "log.record.count", "The number of log records observed."},
  };
  for (auto& row : defaults)
    if (row.context == context) out.push_back(totals::definition_of(row.name, {.description = std::string(row.description), .conditions = {}, .attributes = {}}));
  return out;
}

namespace {
constexpr std::string_view scope_name = "github.com/open-telemetry/opentelemetry-collector-contrib/connector/countconnector";  // what dashboards may filter by
}

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
            return totals::make_stage([&](ContextId id) { return c.definitions(id); }, scope_name, context);
          }};
}

}  // namespace weir::connectors::count
