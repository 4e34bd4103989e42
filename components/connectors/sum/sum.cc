// Adds up the values of attributes.
#include "components/shared/totals/config.h"
#include "components/shared/totals/stage.h"
#include "engine/decode.h"

namespace weir::connectors::sum {
namespace {

using config::field;

struct Metric : totals::MetricConfig {
  std::string source_attribute;

  static std::span<const config::FieldInfo> fields() {
    static const std::vector rows = [] {
      std::vector out{field<&Metric::source_attribute>("source_attribute", "Whose values are added up: numbers, and texts that are numbers. Items without it are passed over.", {.required = true})};
      auto common = totals::MetricConfig::fields();
      out.insert(out.end(), common.begin(), common.end());
      return out;
    }();
    return rows;
  }
};

struct Config : totals::Contexts<Metric> {
  static std::span<const config::FieldInfo> fields() {
    static const std::array rows{
        field<&Config::spans>("spans", "Metrics of spans, by name."),
        field<&Config::spanevents>("spanevents", "Events of spans."),
        field<&Config::metrics>("metrics", "Metrics. They have no attributes: nothing is made of them."),
        field<&Config::datapoints>("datapoints", "Data points."),
        field<&Config::logs>("logs", "Log records."),
    };
    return rows;
  }
  totals::Definitions definitions(ottl::ContextId context) const {
    totals::Definitions out;
    for (auto& [name, metric] : of(context)) out.push_back(totals::definition_of(name, metric)), out.back().source = metric.source_attribute;
    return out;
  }
};

}  // namespace

engine::Factory factory() {
  using otlp::Signal;
  return {.kind = engine::Kind::connector,
          .type = "sum",
          .summary = "Adds up values of attributes of spans, span events, data points and log records.",
          .conversions = {{Signal::traces, Signal::metrics}, {Signal::metrics, Signal::metrics}, {Signal::logs, Signal::metrics}},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .make_stage = [](const void* config, engine::StageContext& context) {
            auto& c = *static_cast<const Config*>(config);
            return totals::make_stage([&](ottl::ContextId id) { return c.definitions(id); }, "", context);
          }};
}

}  // namespace weir::connectors::sum
