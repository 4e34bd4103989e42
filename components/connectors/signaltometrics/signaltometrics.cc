// Makes metrics of spans, data points and log records by OTTL expressions.
#include "components/connectors/signaltometrics/definition.h"
#include "components/shared/histograms/bounds.h"
#include "components/shared/ottl_settings/error_log.h"
#include "components/shared/ottl_settings/places.h"
#include "engine/decode.h"
#include "engine/out.h"
#include "otlp/attribute_key.h"
#include "telemetry/instance.h"

namespace weir::connectors::signaltometrics {
namespace {

using otlp::Batch;

class SignalToMetrics final : public engine::Stage {
 public:
  SignalToMetrics(std::vector<Definition> definitions, ottl::ErrorMode error_mode, engine::StageContext& context)
      : budget_(context.host.budget()), definitions_(std::move(definitions)), error_mode_(error_mode), errors_(context.id.to_string(), "a metric cannot be made of an item"), c_(nowhere_, context.executor, context.rng) {}

  void process(Batch batch, engine::Out& out) override {
    Batch made(otlp::Signal::metrics);
    made.charge = budget_.empty_charge();
    c_.use_arena(batch.arena());
    c_.sender = batch.context.get();
    Resources resources;
    for (auto& group : batch.groups())
      if (auto done = take(group, batch, made.arena(), resources); !done) {
        log::error("making metrics failed", {{"component", errors_.component()}, {"error", done.error().what}});
        return out.refuse(std::move(batch), std::move(done).error());
      }
    write(resources, out.wall(), made);
    out.count_consumed(batch.items());
    if (made.empty()) return batch.settle({});
    // Who sent the items hears whether what was made of them arrived.
    made.take_receipts(batch);
    made.context = batch.context;
    out.emit(std::move(made));
  }

 private:
  struct Target {
    otlp::Attributes attributes;
    std::vector<std::map<std::string, Series>> series;  // for each definition, by attributes
  };
  using Resources = std::map<std::string, Target>;  // by attributes

  Result<> take(otlp::ResourceGroup& group, Batch& batch, Arena& into, Resources& resources) {
    c_.resource = &group;
    std::vector<Target*> known(definitions_.size());  // of this resource
    for (auto& scope : group.scopes) {
      c_.scope = &scope;
      for (std::size_t i = 0; i < scope.items.size(); ++i) {
        c_.set_item(i);
        if (batch.signal() == otlp::Signal::traces) {
          WEIR_TRY(take_item(c_.span().attributes, into, resources, known));
        } else if (batch.signal() == otlp::Signal::logs) {
          WEIR_TRY(take_item(c_.log().attributes, into, resources, known));
        } else {
          for (auto& point : const_cast<ArenaVector<otlp::DataPoint>&>(c_.metric().points)) {  // what read() gives is what edit() changes
            c_.point = &point;
            WEIR_TRY(take_item(point.attributes, into, resources, known));
          }
        }
      }
    }
    return {};
  }

  Result<> take_item(const otlp::Attributes& item, Arena& into, Resources& resources, std::vector<Target*>& known) {
    for (std::size_t i = 0; i < definitions_.size(); ++i) {
      Result<> done = take_item(i, item, into, resources, known);
      if (done) continue;
      if (error_mode_ == ottl::ErrorMode::propagate) return done;
      if (error_mode_ == ottl::ErrorMode::ignore) errors_.on_error()(definitions_[i].name(), done.error().what);
    }
    return {};
  }

  Result<> take_item(std::size_t i, const otlp::Attributes& item, Arena& into, Resources& resources, std::vector<Target*>& known) {
    Definition& definition = definitions_[i];
    WEIR_ASSIGN(bool matches, definition.matches(c_, item));
    if (!matches) return {};
    WEIR_ASSIGN(bool something, definition.evaluate(c_));
    if (!something) return {};
    if (known[i] == nullptr) {
      WEIR_ASSIGN(auto attributes, definition.resource_of(c_, c_.resource->resource.read(c_.arena()).attributes, into));
      auto [at, fresh] = resources.try_emplace(otlp::key_of(attributes, key_));
      if (fresh) at->second.attributes = attributes, at->second.series.resize(definitions_.size());
      known[i] = &at->second;
    }
    WEIR_ASSIGN(auto attributes, definition.attributes_of(c_, item, into));
    auto [at, fresh] = known[i]->series[i].try_emplace(otlp::key_of(attributes, key_));
    if (fresh) at->second.attributes = attributes;
    return definition.add_to(at->second);
  }

  void write(const Resources& resources, UnixNanos now, Batch& out) const {
    Arena& into = out.arena();
    for (auto& [key, target] : resources) {
      auto& group = out.groups().emplace_back();
      auto* resource = into.make<otlp::Resource>();
      resource->attributes = target.attributes;
      // Several collectors make the same series: this tells them apart, under the Go collector's name.
      resource->attributes.set(into, "signal_to_metrics.service.instance.id", otlp::Value::of(into.copy(instance_id_)));
      group.resource = otlp::Lazy<otlp::Resource>(resource);
      auto* scope = into.make<otlp::Scope>();
      scope->name = "github.com/open-telemetry/opentelemetry-collector-contrib/connector/signaltometricsconnector";  // what dashboards may filter by
      auto& place = group.scopes.emplace_back();
      place.scope = otlp::Lazy<otlp::Scope>(scope);
      for (std::size_t i = 0; i < definitions_.size(); ++i) {
        if (target.series[i].empty()) continue;
        auto* metric = definitions_[i].empty_metric(into);
        for (auto& [name, series] : target.series[i]) definitions_[i].write(series, now, into, *metric);
        place.items.push_back(otlp::Item::of(metric, static_cast<std::uint32_t>(metric->points.size())));
      }
    }
    out.prune();
    out.set_bytes(out.items() * 150);
  }

  std::string instance_id_ = telemetry::instance_id();
  Budget& budget_;
  std::vector<Definition> definitions_;
  ottl::ErrorMode error_mode_;
  ottl::ErrorLog errors_;
  Arena nowhere_;
  ottl::EvalContext c_;
  otlp::Writer key_;  // scratch
};

}  // namespace

using config::field;

std::span<const config::FieldInfo> Attribute::fields() {
  using T = Attribute;
  static const std::array rows{
      field<&T::key>("key", "Attribute."),
      field<&T::keys_expression>("keys_expression", "Instead of key: an OTTL expression that gives a list of keys."),
      field<&T::optional>("optional", "Items without it count, too."),
      field<&T::default_value>("default_value", "For items without it."),
  };
  return rows;
}

std::span<const config::FieldInfo> Histogram::fields() {
  using T = Histogram;
  static const std::array rows{
      field<&T::buckets>("buckets", "Upper bounds. Default: 2 to 15000."),
      field<&T::count>("count", "OTTL expression: how often the value counts. Default: 1."),
      field<&T::value>("value", "OTTL expression.", {.required = true}),
  };
  return rows;
}

std::span<const config::FieldInfo> ExponentialHistogram::fields() {
  using T = ExponentialHistogram;
  static const std::array rows{
      field<&T::max_size>("max_size", "Most buckets.", {.min = 2, .max = 16'384}),
      field<&T::count>("count", "OTTL expression: how often the value counts. Default: 1."),
      field<&T::value>("value", "OTTL expression; not below 0.", {.required = true}),
  };
  return rows;
}

std::span<const config::FieldInfo> Sum::fields() {
  static const std::array rows{
      field<&Sum::value>("value", "OTTL expression.", {.required = true}),
      field<&Sum::monotonic>("monotonic", "The sum only grows."),
  };
  return rows;
}

std::span<const config::FieldInfo> Gauge::fields() {
  static const std::array rows{field<&Gauge::value>("value", "OTTL expression; nil counts for nothing.", {.required = true})};
  return rows;
}

std::span<const config::FieldInfo> Metric::fields() {
  using T = Metric;
  static const std::array rows{
      field<&T::name>("name", "Of the metric.", {.required = true}),
      field<&T::description>("description", "Of the metric."),
      field<&T::unit>("unit", "Of the metric."),
      field<&T::include_resource_attributes>("include_resource_attributes", "Attributes of the resource that are kept. Empty: all."),
      field<&T::attributes>("attributes", "Attributes of the item that points are told apart by. An item that lacks one without default that is not optional does not count."),
      field<&T::conditions>("conditions", "OTTL conditions; an item counts when one of them holds. When absent, all count."),
      field<&T::histogram>("histogram", "A histogram."),
      field<&T::exponential_histogram>("exponential_histogram", "An exponential histogram."),
      field<&T::sum>("sum", "A sum."),
      field<&T::gauge>("gauge", "The last value."),
  };
  return rows;
}

std::span<const config::FieldInfo> Config::fields() {
  using T = Config;
  static const std::array rows{
      field<&T::spans>("spans", "Metrics of spans."),
      field<&T::datapoints>("datapoints", "Metrics of data points."),
      field<&T::logs>("logs", "Metrics of log records."),
      config::ignored("profiles", "profiles are not looked into"),
      field<&T::error_mode>("error_mode", "What an expression that fails does: propagate refuses the batch, ignore and silent pass the item over."),
  };
  return rows;
}

const std::vector<Metric>& Config::of(otlp::Signal signal) const {
  if (signal == otlp::Signal::traces) return spans;
  return signal == otlp::Signal::logs ? logs : datapoints;
}

namespace {

std::optional<std::string> wrong_attributes(const std::vector<Attribute>& attributes) {
  std::vector<std::string_view> known;
  for (auto& attribute : attributes) {
    if (attribute.key.empty() == attribute.keys_expression.empty()) return "exactly one of key or keys_expression must be set";
    if (attribute.optional && !attribute.default_value.is_null()) return "only one of default_value or optional should be set";
    if (attribute.key.empty()) continue;
    if (std::ranges::find(known, attribute.key) != known.end()) return fmt::format("duplicate key found: {}", attribute.key);
    known.push_back(attribute.key);
  }
  return std::nullopt;
}

}  // namespace

void Config::validate(config::Context& context) const {
  if (spans.empty() && datapoints.empty() && logs.empty()) context.error_at("", "no configuration provided, at least one should be specified");
  auto check = [&](std::string_view key, otlp::Signal signal) {
    auto& metrics = of(signal);
    for (std::size_t i = 0; i < metrics.size(); ++i) {
      auto& metric = metrics[i];
      std::string at = fmt::format("{}::{}", key, i);
      int kinds = metric.histogram.has_value() + metric.exponential_histogram.has_value() + metric.sum.has_value() + metric.gauge.has_value();
      if (kinds != 1) {
        context.error_at(at, fmt::format("exactly one of the metrics must be defined, {} found", kinds));
        continue;
      }
      if (auto wrong = wrong_attributes(metric.attributes)) context.error_at(at + "::attributes", *wrong);
      if (auto wrong = wrong_attributes(metric.include_resource_attributes)) context.error_at(at + "::include_resource_attributes", *wrong);
      if (metric.histogram)
        if (auto wrong = histograms::wrong_bound(metric.histogram->buckets)) context.error_at(at + "::histogram::buckets", *wrong);
      ottl::check_conditions(context_of(signal), metric.conditions, {.caller = ottl::Callers::metrics}, at + "::conditions", context);
      Metric without = metric;
      without.conditions.clear();
      if (auto made = Definition::make(without, context_of(signal)); !made) context.error_at(at, made.error().what);
    }
  };
  check("spans", otlp::Signal::traces);
  check("datapoints", otlp::Signal::metrics);
  check("logs", otlp::Signal::logs);
}

engine::Factory factory() {
  using otlp::Signal;
  return {.kind = engine::Kind::connector,
          .type = "signaltometrics",
          .aliases = {"signal_to_metrics"},
          .summary = "Makes metrics of spans, data points and log records by OTTL expressions.",
          .conversions = {{Signal::traces, Signal::metrics}, {Signal::metrics, Signal::metrics}, {Signal::logs, Signal::metrics}},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .durability = [](const void*, const engine::StorageInfo&) { return engine::Durability::memory; },  // what it holds is in memory
          .make_stage = [](const void* erased, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
            auto& config = *static_cast<const Config*>(erased);
            std::vector<Definition> definitions;
            for (auto& metric : config.of(context.signal)) {
              WEIR_ASSIGN(auto definition, Definition::make(metric, context_of(context.signal)));
              definitions.push_back(std::move(definition));
            }
            return std::make_unique<SignalToMetrics>(std::move(definitions), config.error_mode, context);
          }};
}

}  // namespace weir::connectors::signaltometrics
