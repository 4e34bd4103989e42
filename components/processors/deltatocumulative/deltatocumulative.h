#pragma once
#include "components/shared/metric_streams/edit_points.h"
#include "components/shared/metric_streams/stored_point.h"
#include "components/shared/metric_streams/streams.h"
#include "config/field.h"
#include "telemetry/owned.h"

namespace weir::processors::deltatocumulative {

struct Config {
  Duration max_stale = 5min;
  std::uint64_t max_streams = 1'000'000, max_streams_per_metric = 250'000;
  static std::span<const config::FieldInfo> fields();
};

// Adds up the points of each delta series. State by series, all of one resource on one core. Points of series beyond a limit are added
// up together, in one series of their metric and resource.
class DeltaToCumulative : public engine::Stage {
 public:
  DeltaToCumulative(const Config& config, const engine::StageContext& context);
  void process(engine::Batch batch, engine::Out& out) override;
  void tick(TimePoint now, engine::Out& out) override;

 private:
  metric_streams::Fate fate_of(const otlp::Metric& metric, otlp::DataPoint& point, const metric_streams::StreamHasher& ids, TimePoint now, Arena& arena);
  metric_streams::Fate overflow(const otlp::Metric& metric, const otlp::DataPoint& point, const metric_streams::StreamHasher& ids, TimePoint now);
  std::size_t add_overflow(otlp::Metric& metric, const metric_streams::StreamHasher& ids, TimePoint now, Arena& arena);

  Config config_;
  metric_streams::Streams<metric_streams::StoredPoint> streams_;
  // By metric.
  struct Overflow {
    metric_streams::StoredPoint sum;
    UnixNanos told = 0;  // the time of the latest point that went on
    std::size_t bytes() const { return sum.bytes(); }
  };
  metric_streams::Streams<Overflow> overflow_;
  bool overflowed_ = false;  // the metric at hand
  metric_streams::Added added_;
  telemetry::OwnedGauge tracked_;
  telemetry::Counter &points_, &full_, &disordered_;
};

}  // namespace weir::processors::deltatocumulative
