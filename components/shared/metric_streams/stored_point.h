#pragma once
// The numbers of a data point, kept beyond its batch.
#include <memory>

#include "base/time.h"
#include "components/shared/histograms/buckets.h"
#include "otlp/model.h"

namespace weir::metric_streams {

struct StoredPoint {
  // Of histograms and summaries.
  struct Parts {
    std::vector<double> bounds;           // explicit
    std::vector<std::uint64_t> counts;    // explicit
    histograms::ExponentialSum sum;       // all: count, sum, minimum, maximum; exponential: everything
  };

  UnixNanos start = 0, time = 0;
  otlp::NumberType type = otlp::NumberType::none;
  std::int64_t integer = 0;
  double real = 0;
  std::unique_ptr<Parts> parts;

  static StoredPoint of(otlp::MetricType type, const otlp::DataPoint& point);
  // Numbers and times; attributes, flags and exemplars stay.
  void write(otlp::MetricType type, Arena& arena, otlp::DataPoint& point) const;
  std::size_t bytes() const;
  StoredPoint copy() const;
};

// `point` on top of `state`, both of that type. Other bounds begin anew.
void add(StoredPoint& state, const StoredPoint& point, otlp::MetricType type);
// True when counting has begun anew: something is less than before.
bool is_reset(const StoredPoint& before, const StoredPoint& now, otlp::MetricType type);
// `now` minus `before`, which is no reset. False when they cannot be compared: other bounds, finer scale.
bool subtract(StoredPoint& now, const StoredPoint& before, otlp::MetricType type);

}  // namespace weir::metric_streams
