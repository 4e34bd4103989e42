#include "components/connectors/spanmetrics/config.h"

#include "components/connectors/spanmetrics/glob.h"
#include "components/connectors/spanmetrics/spanmetrics.h"
#include "components/shared/histograms/bounds.h"
#include "engine/decode.h"

namespace weir::connectors::spanmetrics {

using config::Choice;
using config::field;
using config::FieldInfo;

std::span<const Choice> choices_of(Unit) {
  static constexpr std::array choices{Choice("ms", Unit::milliseconds), Choice("s", Unit::seconds)};
  return choices;
}

std::span<const Choice> choices_of(ExemplarTraces) {
  static constexpr std::array choices{Choice("automatic", ExemplarTraces::automatic), Choice("kept", ExemplarTraces::kept),
                                      Choice("all", ExemplarTraces::all)};
  return choices;
}

std::span<const FieldInfo> Dimension::fields() {
  static const std::array rows{
      field<&Dimension::name>("name", "Attribute of the span or, where it has none, of the resource."),
      field<&Dimension::default_value>("default", "Value where neither has it; without one the dimension is left out."),
      field<&Dimension::glob>("glob", "Instead of a name: all attributes that match, `*` within a dotted part, `**` across."),
  };
  return rows;
}

std::span<const FieldInfo> ExplicitHistogram::fields() {
  static const std::array rows{field<&ExplicitHistogram::buckets>("buckets", "Upper bounds, inclusive.")};
  return rows;
}

std::span<const FieldInfo> ExponentialHistogram::fields() {
  static const std::array rows{field<&ExponentialHistogram::max_size>("max_size", "Most buckets of a series.")};
  return rows;
}

std::span<const FieldInfo> Histogram::fields() {
  static const std::array rows{
      field<&Histogram::disable>("disable", "No durations."),
      field<&Histogram::unit>("unit", "Of durations."),
      field<&Histogram::exponential>("exponential", "Exponential buckets."),
      field<&Histogram::explicit_buckets>("explicit", "Buckets with given bounds; 2 ms to 15 s when neither kind is given."),
      field<&Histogram::dimensions>("dimensions", "Further dimensions of durations only."),
  };
  return rows;
}

Result<Histogram> Histogram::decode(const config::Value& value, config::Context& context) {
  Histogram out;
  config::decode_fields(value, out, context);
  auto empty = [&](std::string_view key) {
    const config::Value* kind = value.is_map() ? value.find(key) : nullptr;
    return kind && kind->is_null();
  };
  if (empty("exponential")) out.exponential.reset();
  if (empty("explicit")) out.explicit_buckets.reset();
  return out;
}

std::span<const FieldInfo> Exemplars::fields() {
  static const std::array rows{
      field<&Exemplars::enabled>("enabled", "Attach the ids of spans to data points."),
      field<&Exemplars::max_per_data_point>("max_per_data_point", "Most exemplars of a data point."),
      field<&Exemplars::traces>("traces", "all: the first spans of each interval; kept: spans of traces that a sampler of this process kept; "
                                "automatic: kept when a sampler runs in this process, otherwise all."),
      field<&Exemplars::max_candidates>("max_candidates", "Spans that wait for a sampler's decision, in the whole process; further ones are passed over.", {.min = 1}),
      field<&Exemplars::max_wait>("max_wait", "How long one waits for a decision.", {.min = 1s}),
  };
  return rows;
}

std::span<const FieldInfo> Events::fields() {
  static const std::array rows{
      field<&Events::enabled>("enabled", "Count span events, too."),
      field<&Events::dimensions>("dimensions", "Further dimensions of events: attribute of the span, the event or the resource."),
  };
  return rows;
}

std::span<const FieldInfo> Config::fields() {
  static const std::array rows{
      field<&Config::dimensions>("dimensions", "Dimensions beside service.name, span.name, span.kind and status.code."),
      field<&Config::calls_dimensions>("calls_dimensions", "Further dimensions of calls only."),
      field<&Config::exclude_dimensions>("exclude_dimensions", "Built-in dimensions to leave out."),
      field<&Config::dimensions_cache_size>("dimensions_cache_size", "Accepted, without effect.", {.deprecated = "use aggregation_cardinality_limit"}),
      field<&Config::resource_metrics_cache_size>("resource_metrics_cache_size", "Resources with metrics, in the whole process; past this the one longest unseen is forgotten."),
      field<&Config::resource_metrics_key_attributes>("resource_metrics_key_attributes", "Resource attributes that tell resources apart; none given: all."),
      field<&Config::aggregation_temporality>("aggregation_temporality", "AGGREGATION_TEMPORALITY_DELTA for delta, anything else is cumulative."),
      field<&Config::histogram>("histogram", "Durations."),
      field<&Config::metrics_flush_interval>("metrics_flush_interval", "How often metrics leave."),
      field<&Config::metrics_expiration>("metrics_expiration", "Forget a resource without spans for so long; 0 never."),
      field<&Config::series_expiration>("series_expiration", "Forget a series without spans for so long; 0 never."),
      field<&Config::metric_timestamp_cache_size>("metric_timestamp_cache_size", "Delta: series whose last flush is remembered, in the whole process."),
      field<&Config::namespace_>("namespace", "In front of metric names, with a dot; may be empty."),
      field<&Config::exemplars>("exemplars", "Spans that lead from a data point to a trace."),
      field<&Config::events>("events", "Span events."),
      field<&Config::include_instrumentation_scope>("include_instrumentation_scope", "Scopes whose name and version become dimensions of their spans."),
      field<&Config::aggregation_cardinality_limit>("aggregation_cardinality_limit", "Series of one metric of one resource; what is beyond is counted in one series with otel.metric.overflow. 0 is no limit."),
      field<&Config::add_resource_attributes>("add_resource_attributes", "Keep resource attributes on metrics although the gate connector.spanmetrics.excludeResourceMetrics is on."),
      field<&Config::enable_metrics_sampling_method>("enable_metrics_sampling_method", "Dimension sampling.method: extrapolated when the span carries a sampling threshold, otherwise counted."),
      field<&Config::instance_id>("instance_id", "Value of the dimension collector.instance.id; default: the host's name, and the connector's when it has one."),
  };
  return rows;
}

namespace {

constexpr std::array default_buckets{2.0,   4.0,   6.0,   8.0,    10.0,   50.0,   100.0,  200.0,
                                     400.0, 800.0, 1000.0, 1400.0, 2000.0, 5000.0, 10000.0, 15000.0};

std::vector<std::string_view> built_in_dimensions() {
  std::vector<std::string_view> names = {"service.name", "span.kind", "status.code", "span.name"};
  if (instance_id_gate()) names.push_back("collector.instance.id");
  return names;
}

Result<> check_dimension(const Dimension& d, std::vector<std::string_view>& names, std::vector<std::pair<std::string_view, Regex>>& globs) {
  if (!d.name.empty() && !d.glob.empty())
    return fail(Errc::config, "dimension entry must set only one of `name` or `glob`, got both: name=\"{}\" glob=\"{}\"", d.name, d.glob);
  if (d.name.empty() && d.glob.empty()) return fail(Errc::config, "dimension entry must set one of `name` or `glob`");
  if (!d.glob.empty()) {
    if (d.default_value) return fail(Errc::config, "`default` is not supported on `glob` dimension \"{}\"", d.glob);
    WEIR_ASSIGN(auto glob, compile_glob(d.glob));
    globs.emplace_back(d.glob, std::move(glob));
    return {};
  }
  if (std::find(names.begin(), names.end(), d.name) != names.end()) return fail(Errc::config, "duplicate dimension name \"{}\"", d.name);
  names.push_back(d.name);
  return {};
}

Result<> check_dimensions(const std::vector<Dimension>& dimensions) {
  std::vector<std::string_view> names = built_in_dimensions();
  std::vector<std::pair<std::string_view, Regex>> globs;
  for (auto& dimension : dimensions) WEIR_TRY(check_dimension(dimension, names, globs));
  for (auto& [text, glob] : globs)
    for (auto name : names)
      if (glob.matches_all(name)) return fail(Errc::config, "duplicate dimension name \"{}\" conflicting with glob \"{}\"", name, text);
  return {};
}

void check_dimensions(const std::vector<Dimension>& dimensions, std::string_view key, std::string_view what, config::Context& context) {
  if (auto ok = check_dimensions(dimensions); !ok)
    context.error_at(key, fmt::format("failed validating {}dimensions: {}", what, ok.error().what));
}

}  // namespace

std::vector<double> Histogram::bounds() const {
  double per_unit = unit == Unit::seconds ? 1e9 : 1e6;
  std::vector<double> out;
  if (explicit_buckets)
    for (Duration bound : explicit_buckets->buckets) out.push_back(static_cast<double>(bound.count()) / per_unit);
  else
    for (double ms : default_buckets) out.push_back(unit == Unit::seconds ? ms / 1000 : ms);
  return out;
}

bool Config::excludes(std::string_view dimension) const {
  return std::find(exclude_dimensions.begin(), exclude_dimensions.end(), dimension) != exclude_dimensions.end();
}

std::string Config::metric_name(std::string_view name) const {
  if (namespace_.empty() || (legacy_names_gate() && namespace_ == default_namespace)) return std::string(name);
  return fmt::format("{}.{}", namespace_, name);
}

void Config::validate(config::Context& context) const {
  check_dimensions(dimensions, "dimensions", "", context);
  check_dimensions(calls_dimensions, "calls_dimensions", "calls ", context);
  check_dimensions(histogram.dimensions, "histogram::dimensions", "histogram ", context);
  if (events.enabled && events.dimensions.empty())
    context.error_at("events", "failed validating event dimensions: no dimensions configured for events");
  else if (events.enabled)
    check_dimensions(events.dimensions, "events::dimensions", "event ", context);
  if (histogram.explicit_buckets && histogram.exponential)
    context.error_at("histogram", "use either `explicit` or `exponential` buckets histogram");
  if (histogram.explicit_buckets)
    if (auto wrong = histograms::wrong_bound(histogram.explicit_buckets->buckets)) context.error_at("histogram::explicit::buckets", *wrong);
  auto positive = [&](std::string_view key, Duration value) {
    if (value < 0s) context.error_at(key, fmt::format("invalid {}: {}, the duration should be positive", key, format_duration(value)));
  };
  positive("metrics_flush_interval", metrics_flush_interval);
  if (metrics_flush_interval == 0s) context.error_at("metrics_flush_interval", "invalid metrics_flush_interval: 0s, the duration should be positive");
  positive("metrics_expiration", metrics_expiration);
  positive("series_expiration", series_expiration);
  if (delta() && metric_timestamp_cache_size <= 0)
    context.error_at("metric_timestamp_cache_size", fmt::format("invalid delta timestamp cache size: {}, the maximum number of the items in the cache should be positive",
                                                                metric_timestamp_cache_size));
  if (aggregation_cardinality_limit < 0)
    context.error_at("aggregation_cardinality_limit",
                     fmt::format("invalid aggregation_cardinality_limit: {}, the limit should be positive", aggregation_cardinality_limit));
  if (exemplars.enabled && exemplars.max_per_data_point < 0)
    context.error_at("exemplars::max_per_data_point",
                     fmt::format("invalid max_per_data_point: {}, the value should be positive", exemplars.max_per_data_point));
  if (resource_metrics_cache_size <= 0)
    context.error_at("resource_metrics_cache_size",
                     fmt::format("invalid cache size: {}, the maximum number of items in the cache should be positive", resource_metrics_cache_size));
}

namespace {

// Fewer resources than this cannot be shared out among cores without forgetting some too early.
constexpr std::int64_t shareable_resources = 100;

// Series of one resource live on one core. Where resources are told apart by less than their service, all are on one.
engine::Key key_of(const Config& config) {
  auto& keys = config.resource_metrics_key_attributes;
  bool has_service = keys.empty() || std::find(keys.begin(), keys.end(), "service.name") != keys.end();
  return has_service && config.resource_metrics_cache_size >= shareable_resources ? engine::Key::service : engine::Key::single;
}

}  // namespace

engine::Factory factory() {
  return {.kind = engine::Kind::connector,
          .type = "spanmetrics",
          .aliases = {"span_metrics"},
          .summary = "Counts spans and their durations: metrics of requests, errors and latency from traces.",
          .conversions = {{otlp::Signal::traces, otlp::Signal::metrics}},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .key = [](const void* config, otlp::Signal) { return key_of(*static_cast<const Config*>(config)); },
          .durability = [](const void*, const engine::StorageInfo&) { return engine::Durability::memory; },  // what it holds is in memory
          .make_stage = [](const void* config, engine::StageContext& context) {
            return make_stage(*static_cast<const Config*>(config), context);
          }};
}

}  // namespace weir::connectors::spanmetrics
