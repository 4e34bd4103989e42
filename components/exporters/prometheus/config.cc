#include "components/exporters/prometheus/config.h"

#include "base/gates.h"
#include "base/text.h"
#include "components/exporters/prometheus/exporter.h"
#include "engine/decode.h"

namespace weir::exporters::prometheus {
namespace {

// On in current releases of the collector: they add suffixes whatever add_metric_suffixes says.
bool suffixes_are_a_setting() { return !gates::enabled("exporter.prometheusexporter.DisableAddMetricSuffixes", true); }

}  // namespace

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      config::embedded<&Config::server>(),
      field<&Config::name_space>("namespace", "Put in front of every metric's name."),
      field<&Config::const_labels>("const_labels", "Labels of every metric. A metric that has one of them itself is not served."),
      field<&Config::send_timestamps>("send_timestamps", "Serve the points' times."),
      field<&Config::metric_expiration>("metric_expiration", "A series is served this long after its latest point.", {.min = 0s}),
      field<&Config::max_series>("max_series", "Series at one time; points of more are dropped and counted.", {.min = 1}),
      field<&Config::resource_to_telemetry_conversion>("resource_to_telemetry_conversion", "Resource attributes as labels."),
      field<&Config::enable_open_metrics>("enable_open_metrics", "Serve OpenMetrics, with exemplars, to who asks for it."),
      field<&Config::without_scope_info>("without_scope_info", "No labels with the scope's name, version and attributes."),
      field<&Config::add_metric_suffixes>(
          "add_metric_suffixes", "Without effect, as in current collectors, unless the gate exporter.prometheusexporter.DisableAddMetricSuffixes is off: use translation_strategy."),
      field<&Config::translation_strategy>("translation_strategy", "How names become Prometheus's."),
      config::ignored("sending_queue", "points are stored at once, nothing waits"),
  };
  return rows;
}

void Config::validate(config::Context& context) const {
  if (trim(server.endpoint).empty())
    context.error_at("endpoint", "expecting a non-blank address to run the Prometheus metrics handler");
  for (auto& [name, value] : const_labels)
    if (name.empty() || name.starts_with("__") || !valid_utf8(name) || !valid_utf8(value))
      context.error_at("const_labels", fmt::format("\"{}\" is not a valid label", name));
  if (!add_metric_suffixes && !translation_strategy && !suffixes_are_a_setting())
    context.warning_at("add_metric_suffixes", "has no effect: use translation_strategy: UnderscoreEscapingWithoutSuffixes");
}

Strategy Config::strategy() const {
  if (translation_strategy) return *translation_strategy;
  return add_metric_suffixes || !suffixes_are_a_setting() ? Strategy::underscores_with_suffixes : Strategy::underscores;
}

engine::Factory factory() {
  return {.kind = engine::Kind::exporter,
          .type = "prometheus",
          .summary = "Serves the latest value of every series for Prometheus to scrape.",
          .signals = {weir::otlp::Signal::metrics},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .key = [](const void*, weir::otlp::Signal) -> engine::Key { return engine::Key::single; },
          .make_stage = [](const void* config, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
            return make_stage(*static_cast<const Config*>(config), context);
          }};
}

}  // namespace weir::exporters::prometheus
