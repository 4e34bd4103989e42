#include "components/processors/deltatocumulative/deltatocumulative.h"

#include "engine/decode.h"

namespace weir::processors::deltatocumulative {
namespace {

using engine::Reason;
using metric_streams::Fate;
using metric_streams::StoredPoint;
using otlp::MetricType;

constexpr std::size_t sweep_budget = 20'000;
constexpr Duration sweep_pause = 20ms;

bool is_delta(const otlp::Metric& m) {
  bool has = m.type == MetricType::sum || m.type == MetricType::histogram || m.type == MetricType::exponential_histogram;
  return has && m.temporality == otlp::Temporality::delta;
}

telemetry::Counter& counter(const engine::StageContext& context, std::string error) {
  return context.host.metrics().counter("otelcol_deltatocumulative_datapoints", "Data points of delta series, by what was wrong with them.",
                                        {{"processor", context.id.to_string()}, {"error", std::move(error)}});
}

}  // namespace

DeltaToCumulative::DeltaToCumulative(const Config& config, const engine::StageContext& context)
    : config_(config),
      streams_(config.max_streams, context),
      tracked_(context.host.metrics().gauge("otelcol_deltatocumulative_streams_tracked", "Series that are added up.", {{"processor", context.id.to_string()}})),
      points_(counter(context, "")),
      full_(counter(context, "limit")),
      disordered_(counter(context, "delta.ErrOutOfOrder")) {}

void DeltaToCumulative::process(engine::Batch batch, engine::Out& out) {
  if (streams_.size() == 0) out.wake_at(out.now() + std::min<Duration>(config_.max_stale, 1min));
  TimePoint now = out.now();
  Arena& arena = batch.arena();
  metric_streams::edit_points(
      std::move(batch), out, is_delta,
      [&](const otlp::Metric& metric, otlp::DataPoint& point, const metric_streams::StreamId& id) { return fate_of(metric, point, id, now, arena); },
      [](otlp::Metric& metric) { metric.temporality = otlp::Temporality::cumulative; });
  tracked_.set(static_cast<double>(streams_.size()));
}

Fate DeltaToCumulative::fate_of(const otlp::Metric& metric, otlp::DataPoint& point, const metric_streams::StreamId& id, TimePoint now, Arena& arena) {
  points_.add();
  StoredPoint arrived = StoredPoint::of(metric.type, point);
  StoredPoint* state = streams_.find(id, now);
  if (state == nullptr) {
    state = streams_.add(id, now);
    if (state == nullptr) {
      full_.add();
      return Fate::drop(Reason::cardinality);
    }
    *state = std::move(arrived);
    streams_.account(id);
    return Fate::keep();
  }
  if (arrived.start < state->start || arrived.time <= state->time) {
    disordered_.add();
    return Fate::drop(Reason::invalid);
  }
  add(*state, arrived, metric.type);
  streams_.account(id);
  state->write(metric.type, arena, point);
  return Fate::keep();
}

void DeltaToCumulative::tick(TimePoint now, engine::Out& out) {
  bool done = streams_.expire(now, config_.max_stale, sweep_budget);
  tracked_.set(static_cast<double>(streams_.size()));
  if (streams_.size() > 0) out.wake_at(now + (done ? std::min<Duration>(config_.max_stale, 1min) : sweep_pause));
}

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      field<&Config::max_stale>("max_stale", "A series without a new point for this long is forgotten.", {.min = 1ns}),
      field<&Config::max_streams>("max_streams", "Series on all cores together; points of more are dropped and counted."),
  };
  return rows;
}

engine::Factory factory() {
  return {.kind = engine::Kind::processor,
          .type = "deltatocumulative",
          .aliases = {"delta_to_cumulative"},
          .summary = "Adds up delta sums and histograms, so that they are cumulative.",
          .signals = {otlp::Signal::metrics},
          .fields = Config::fields,
          .decode = engine::decode_config<Config>,
          .encode = engine::encode_config<Config>,
          .key = [](const void*, otlp::Signal) -> engine::Key { return engine::Key::resource; },
          .make_stage = [](const void* config, engine::StageContext& context) -> Result<std::unique_ptr<engine::Stage>> {
            return std::make_unique<DeltaToCumulative>(*static_cast<const Config*>(config), context);
          }};
}

}  // namespace weir::processors::deltatocumulative
