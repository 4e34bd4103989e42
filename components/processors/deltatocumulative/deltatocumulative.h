#pragma once
#include "components/shared/metric_streams/edit_points.h"
#include "components/shared/metric_streams/stored_point.h"
#include "components/shared/metric_streams/streams.h"
#include "config/field.h"

namespace weir::processors::deltatocumulative {

struct Config {
  Duration max_stale = 5min;
  std::uint64_t max_streams = 1'000'000;
  static std::span<const config::FieldInfo> fields();
};

// Adds up the points of each delta series. State by series, all of one resource on one core.
class DeltaToCumulative : public engine::Stage {
 public:
  DeltaToCumulative(const Config& config, const engine::StageContext& context);
  void process(engine::Batch batch, engine::Out& out) override;
  void tick(TimePoint now, engine::Out& out) override;

 private:
  metric_streams::Fate fate_of(const otlp::Metric& metric, otlp::DataPoint& point, const metric_streams::StreamId& id, TimePoint now, Arena& arena);

  Config config_;
  metric_streams::Streams<metric_streams::StoredPoint> streams_;
  telemetry::Gauge& tracked_;
  telemetry::Counter &points_, &full_, &disordered_;
};

}  // namespace weir::processors::deltatocumulative
