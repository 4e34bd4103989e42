#include "components/processors/deltatocumulative/deltatocumulative.h"

#include "engine/decode.h"

namespace weir::processors::deltatocumulative {
namespace {

using engine::Reason;
using metric_streams::Fate;
using metric_streams::StoredPoint;
using metric_streams::StreamHasher;
using metric_streams::StreamId;

constexpr std::uint32_t no_recorded_value = 1;  // a flag
using otlp::MetricType;

constexpr std::uint64_t max_overflow = 10'000;  // series of what is beyond a limit

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
      streams_({config.max_streams, config.max_streams_per_metric}, context),
      overflow_({max_overflow}, context, "overflow"),
      added_(context),
      tracked_(telemetry::OwnedGauge(context.host.metrics(), "otelcol_deltatocumulative_streams_tracked", "Series that are added up.", {{"processor", context.id.to_string()}})),
      points_(counter(context, "")),
      full_(counter(context, "limit")),
      disordered_(counter(context, "delta.ErrOutOfOrder")) {}

void DeltaToCumulative::process(engine::Batch batch, engine::Out& out) {
  if (streams_.size() == 0) out.wake_at(out.now() + std::min<Duration>(config_.max_stale, 1min));
  TimePoint now = out.now();
  Arena& arena = batch.arena();
  metric_streams::edit_points(
      std::move(batch), out, is_delta,
      [&](const otlp::Metric& metric, otlp::DataPoint& point, const StreamHasher& ids) { return fate_of(metric, point, ids, now, arena); },
      [&](otlp::Metric& metric, const StreamHasher& ids) {
        if (overflowed_) out.count_created(add_overflow(metric, ids, now, arena));
        metric.temporality = otlp::Temporality::cumulative;
      });
  tracked_.set(static_cast<double>(streams_.size()));
}

Fate DeltaToCumulative::fate_of(const otlp::Metric& metric, otlp::DataPoint& point, const StreamHasher& ids, TimePoint now, Arena& arena) {
  points_.add();
  StreamId id = ids.point(point.attributes);
  StoredPoint arrived = StoredPoint::of(metric.type, point);
  StoredPoint* state = streams_.find(id, now);
  if (state == nullptr) {
    state = streams_.add(id, ids.name(), now);
    if (state == nullptr) return overflow(metric, point, ids, now);
    added_.tell(metric, point);
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
  point.flags &= ~no_recorded_value;  // the sum is one
  return Fate::keep();
}

// Series of several points at one time: they are added whatever their order, if their buckets are the same.
Fate DeltaToCumulative::overflow(const otlp::Metric& metric, const otlp::DataPoint& point, const StreamHasher& ids, TimePoint now) {
  full_.add();
  StoredPoint arrived = StoredPoint::of(metric.type, point);
  StreamId id = ids.metric_id();
  Overflow* state = overflow_.find(id, now);
  if (state == nullptr) {
    state = overflow_.add(id, 0, now);
    if (state == nullptr) return Fate::drop(Reason::cardinality);
    state->sum = std::move(arrived);
  } else {
    if (arrived.parts && arrived.parts->bounds != state->sum.parts->bounds) return Fate::drop(Reason::cardinality);
    UnixNanos latest = std::max(state->sum.time, arrived.time);
    add(state->sum, arrived, metric.type);
    state->sum.time = latest;
  }
  overflow_.account(id);
  overflowed_ = true;
  return Fate::consume();
}

// The overflow series' point, if its time is later than that of the one before: else it goes with the next one. How many.
std::size_t DeltaToCumulative::add_overflow(otlp::Metric& metric, const StreamHasher& ids, TimePoint now, Arena& arena) {
  overflowed_ = false;
  Overflow* state = overflow_.find(ids.metric_id(), now);
  if (state->sum.time <= state->told) return 0;
  state->told = state->sum.time;
  otlp::DataPoint point;
  point.attributes.push_back(arena, {"otel.metric.overflow", otlp::Value::of(true)});
  state->sum.write(metric.type, arena, point);
  metric.points.push_back(arena, point);
  return 1;
}

void DeltaToCumulative::tick(TimePoint now, engine::Out& out) {
  metric_streams::sweep(streams_, now, config_.max_stale, out);
  metric_streams::sweep(overflow_, now, config_.max_stale, out);
  tracked_.set(static_cast<double>(streams_.size()));
}

std::span<const config::FieldInfo> Config::fields() {
  using config::field;
  static const std::array rows{
      field<&Config::max_stale>("max_stale", "A series without a new point for this long is forgotten.", {.min = 1ns}),
      field<&Config::max_streams>("max_streams", "Series on all cores together; points of more are added up in one series of their metric and resource."),
      field<&Config::max_streams_per_metric>("max_streams_per_metric", "The same for metrics of one name; 0 is no limit."),
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
