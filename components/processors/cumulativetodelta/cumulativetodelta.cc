#include "components/processors/cumulativetodelta/cumulativetodelta.h"

#include <cmath>
#include <limits>

#include "base/text.h"
#include "components/shared/matching/sets.h"
#include "components/shared/metric_streams/edit_points.h"
#include "components/shared/metric_streams/stored_point.h"
#include "components/shared/metric_streams/streams.h"

namespace weir::processors::cumulativetodelta {
namespace {

using engine::Reason;
using metric_streams::Fate;
using metric_streams::StoredPoint;
using metric_streams::StreamHasher;
using metric_streams::StreamId;
using otlp::MetricType;

// One of include and exclude.
struct Rule {
  matching::TextSet names;
  std::vector<MetricType> types;

  static Result<Rule> make(const Match& match) {
    Rule out;
    if (!match.metrics.empty()) {
      WEIR_ASSIGN(out.names, matching::TextSet::make(match.match_type, match.metrics));
    }
    for (auto& type : match.metric_types) {
      std::string t = to_lower(type);
      out.types.push_back(t == "sum" ? MetricType::sum : t == "histogram" ? MetricType::histogram : MetricType::exponential_histogram);
    }
    return out;
  }
  bool has_type(MetricType type) const { return std::find(types.begin(), types.end(), type) != types.end(); }
};

class CumulativeToDelta : public engine::Stage {
 public:
  CumulativeToDelta(const Config& config, Rule include, Rule exclude, const engine::StageContext& context)
      : config_(config),
        include_(std::move(include)),
        exclude_(std::move(exclude)),
        streams_({config.max_streams, config.max_streams_per_metric}, context),
        added_(context),
        begun_(context.executor.wall()),
        points_(context.host.metrics().counter("otelcol_cumulativetodelta_datapoints", "Data points that were converted.", {{"processor", context.id.to_string()}})) {}

  void process(engine::Batch batch, engine::Out& out) override {
    if (streams_.size() == 0 && config_.max_staleness > 0s) out.wake_at(out.now() + config_.max_staleness);
    TimePoint now = out.now();
    Arena& arena = batch.arena();
    metric_streams::edit_points(
        std::move(batch), out, [this](const otlp::Metric& metric) { return wants(metric); },
        [&](const otlp::Metric& metric, otlp::DataPoint& point, const StreamHasher& ids) { return fate_of(metric, point, ids, now, arena); },
        [](otlp::Metric& metric, const StreamHasher&) { metric.temporality = otlp::Temporality::delta; });
  }

  void tick(TimePoint now, engine::Out& out) override {
    metric_streams::sweep(streams_, now, config_.max_staleness, out);
  }

 private:
  bool wants(const otlp::Metric& m) const {
    bool sum = m.type == MetricType::sum && m.is_monotonic;
    bool histogram = (m.type == MetricType::histogram || m.type == MetricType::exponential_histogram) && !m.points.empty();
    if ((!sum && !histogram) || m.temporality != otlp::Temporality::cumulative) return false;
    if (!include_.names.empty() && !include_.names.matches(m.name)) return false;
    if (!include_.types.empty() && !include_.has_type(m.type)) return false;
    return (exclude_.names.empty() || !exclude_.names.matches(m.name)) && !exclude_.has_type(m.type);
  }

  // A new start time is a new series, as it is for senders that restart; so is a number of the other type.
  static StreamId series_of(StreamId id, const otlp::DataPoint& point) {
    bool real = point.type == otlp::NumberType::real;
    id.high ^= point.start_time_unix_nano * 0x9e3779b97f4a7c15ULL;
    id.low += point.start_time_unix_nano + (real ? 0x9e3779b97f4a7c15ULL : 0);
    return id;
  }

  Fate fate_of(const otlp::Metric& metric, otlp::DataPoint& point, const StreamHasher& ids, TimePoint now, Arena& arena) {
    if (point.flags & 1) return Fate::drop(Reason::filtered);  // no value: there is no difference either
    if (metric.type == MetricType::sum && point.type == otlp::NumberType::real && std::isnan(point.real)) return Fate::keep();
    StreamId id = series_of(ids.point(point.attributes), point);
    StoredPoint arrived = StoredPoint::of(metric.type, point);
    StoredPoint* before = streams_.find(id, now);
    if (before == nullptr) {
      before = streams_.add(id, ids.name(), now);
      if (before == nullptr) return Fate::drop(Reason::cardinality);
      added_.tell(metric, point);
      *before = std::move(arrived);
      streams_.account(id);
      return first(metric, point);
    }
    bool no_sum = arrived.parts && std::isnan(arrived.parts->sum.sum);
    if (no_sum) arrived.parts->sum.sum = before->parts->sum.sum;  // where the next difference begins
    bool reset = is_reset(*before, arrived, metric.type);
    StoredPoint delta = reset ? StoredPoint() : arrived.copy();
    bool comparable = !reset && subtract(delta, *before, metric.type);
    delta.start = before->time;
    *before = std::move(arrived);
    streams_.account(id);
    if (!comparable) return Fate::consume();  // it is where the next one begins
    points_.add();
    delta.write(metric.type, arena, point);
    if (delta.parts) point.has_min = point.has_max = false;
    if (no_sum) point.sum = std::numeric_limits<double>::quiet_NaN();
    return Fate::keep();
  }

  Fate first(const otlp::Metric&, otlp::DataPoint& point) {
    bool began_here = point.start_time_unix_nano >= begun_ && point.start_time_unix_nano != point.time_unix_nano;
    bool send = config_.initial_value == InitialValue::keep || (config_.initial_value == InitialValue::automatic && began_here);
    if (!send) return Fate::consume();
    if (config_.initial_value == InitialValue::keep) point.start_time_unix_nano = 0;
    point.has_min = point.has_max = false;
    points_.add();
    return Fate::keep();
  }

  Config config_;
  Rule include_, exclude_;
  metric_streams::Streams<StoredPoint> streams_;
  metric_streams::Added added_;
  UnixNanos begun_;
  telemetry::Counter& points_;
};

}  // namespace

Result<std::unique_ptr<engine::Stage>> make(const Config& config, engine::StageContext& context) {
  WEIR_ASSIGN(Rule include, Rule::make(config.include));
  WEIR_ASSIGN(Rule exclude, Rule::make(config.exclude));
  return std::make_unique<CumulativeToDelta>(config, std::move(include), std::move(exclude), context);
}

}  // namespace weir::processors::cumulativetodelta
