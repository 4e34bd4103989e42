// Adds up the values of attributes.
#include "components/shared/ottl_settings/places.h"
#include "components/shared/totals/stage.h"
#include "config/field.h"
#include "engine/decode.h"

namespace weir::connectors::sum {
namespace {

using config::field;
using ottl::ContextId;

struct Attribute {
  std::string key;
  config::Value default_value;
  static std::span<const config::FieldInfo> fields() {
    static const std::array rows{
        field<&Attribute::key>("key", "Of the item, else of its scope, else of its resource.", {.required = true}),
        field<&Attribute::default_value>("default_value", "Where there is none. Items that lack an attribute without default are not added."),
    };
    return rows;
  }
};

struct Metric {
  std::string description, source_attribute;
  std::vector<std::string> conditions;
  std::vector<Attribute> attributes;
  static std::span<const config::FieldInfo> fields() {
    static const std::array rows{
        field<&Metric::source_attribute>("source_attribute", "Whose values are added up: numbers, and texts that are numbers. Items without it are passed over.", {.required = true}),
        field<&Metric::description>("description", "Of the metric."),
        field<&Metric::conditions>("conditions", "OTTL conditions; an item is added when one of them holds. When absent, all are."),
        field<&Metric::attributes>("attributes", "Added up apart for each combination of their values. Not for metrics."),
    };
    return rows;
  }
};

// By name.
using Metrics = std::map<std::string, Metric>;

struct Config {
  Metrics spans, spanevents, metrics, datapoints, logs;

  const Metrics& of(ContextId context) const {
    switch (context) {
      case ContextId::span: return spans;
      case ContextId::spanevent: return spanevents;
      case ContextId::metric: return metrics;
      case ContextId::datapoint: return datapoints;
      default: return logs;
    }
  }
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
  void validate(config::Context& context) const {
    auto check = [&](std::string_view key, ContextId id) {
      for (auto& [name, metric] : of(id)) {
        std::string at = fmt::format("{}::{}", key, name);
        if (name.empty()) context.error_at(key, "metric name missing");
        if (id == ContextId::metric && !metric.attributes.empty()) context.error_at(at, fmt::format("metrics attributes not supported: metric \"{}\"", name));
        ottl::check_conditions(id, metric.conditions, {.caller = ottl::Callers::filter}, at + "::conditions", context);
      }
    };
    check("spans", ContextId::span);
    check("spanevents", ContextId::spanevent);
    check("metrics", ContextId::metric);
    check("datapoints", ContextId::datapoint);
    check("logs", ContextId::log);
  }
};

totals::Definitions definitions(const Metrics& metrics) {
  totals::Definitions out;
  for (auto& [name, metric] : metrics) {
    out.push_back({.name = name, .description = metric.description, .conditions = metric.conditions, .source = metric.source_attribute});
    for (auto& attribute : metric.attributes) out.back().attributes.push_back({attribute.key, attribute.default_value});
  }
  return out;
}

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
            return totals::make_stage([&](ContextId id) { return definitions(c.of(id)); }, "", context);
          }};
}

}  // namespace weir::connectors::sum
