// Passes on only the newest point of each series in an interval.
#include "components/processors/interval/held_metrics.h"
#include "components/shared/metric_streams/edit_points.h"
#include "engine/decode.h"
#include "engine/out.h"

namespace weir::processors::interval {

struct PassThrough {
  bool gauge = false, summary = false;
  static std::span<const config::FieldInfo> fields();
};

struct Config {
  Duration interval = 60s;
  PassThrough pass_through;
  static std::span<const config::FieldInfo> fields();
};

namespace {

using otlp::MetricType;

class Interval : public engine::Stage {
 public:
  Interval(const Config& config, const engine::StageContext& context) : config_(config), held_(context.host.budget().empty_charge()) {}

  void process(engine::Batch batch, engine::Out& out) override {
    Arena& arena = batch.arena();
    metric_streams::StreamHasher ids;
    bool was_empty = held_.points() == 0, changed = false;
    for (auto& group : batch.groups()) {
      auto& resource = group.resource.read(arena);
      ids.resource(resource);
      for (auto& scope_group : group.scopes) {
        auto& scope = scope_group.scope.read(arena);
        ids.scope(scope);
        changed |= std::erase_if(scope_group.items, [&](otlp::Item& item) {
          auto& metric = item.read<otlp::Metric>(arena);
          if (!holds(metric)) return false;
          ids.metric(metric);
          if (!held_.keep(ids, group, resource, scope_group, scope, metric)) flush(out);
          out.count_consumed(metric.points.size());
          return true;
        }) > 0;
      }
    }
    if (was_empty && held_.points() > 0) out.wake_at(out.now() + config_.interval);
    metric_streams::push_rest(std::move(batch), out, changed);
  }

  void tick(TimePoint, engine::Out& out) override { flush(out); }
  void drain(engine::Out& out) override { flush(out); }

 private:
  bool holds(const otlp::Metric& m) const {
    switch (m.type) {
      case MetricType::gauge: return !config_.pass_through.gauge;
      case MetricType::summary: return !config_.pass_through.summary;
      case MetricType::sum: return m.is_monotonic && m.temporality == otlp::Temporality::cumulative;
      case MetricType::histogram:
      case MetricType::exponential_histogram: return m.temporality == otlp::Temporality::cumulative;
      case MetricType::none: break;
    }
    return false;
  }

  void flush(engine::Out& out) {
    if (held_.points() > 0) out.emit(held_.take());
  }

  Config config_;
  HeldMetrics held_;
};

}  // namespace

std::span<const config::FieldInfo> PassThrough::fields() {
  using config::field;
  static const std::array rows{
      field<&PassThrough::gauge>("gauge", "Gauges pass at once."),
      field<&PassThrough::summary>("summary", "Summaries pass at once."),
  };
  return rows;
}

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      field<&Config::interval>("interval", "Of what arrives in this time only the newest point of each series goes on.", {.min = 1ns}),
      field<&Config::pass_through>("pass_through", "Kinds that are not held."),
  };
  return rows;
}

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "interval",
          .summary = "Passes on only the newest point of each series in an interval.",
          .signals = {otlp::Signal::metrics},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .key = [](const void*, otlp::Signal) -> engine::Key { return engine::Key::resource; },
          .durability = [](const void*, const engine::StorageInfo&) { return engine::Durability::memory; },  // what it holds is in memory
          .make_stage = [](const void* config, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
            return std::make_unique<Interval>(*static_cast<const Config*>(config), context);
          }};
}

}  // namespace weir::processors::interval
