#pragma once
// The form in which test cases write telemetry: a few words for each span, point or record. Both ways.
#include "base/time.h"
#include "config/value.h"
#include "otlp/batch.h"

namespace weir::app::scenario {

// What input is relative to, and where span ids without one come from.
struct Moment {
  UnixNanos now;
  std::uint64_t next_span_id = 1;
};

// A push: one group {resource, scope, spans | metrics | logs | otlp} or a list of groups of one signal. Errors name
// the place.
Result<otlp::Batch> read_batch(const config::Value& push, Moment& moment);

// What a test can compare: one map for each span, data point or record, with what its resource and scope say.
struct Items {
  otlp::Signal signal;
  std::vector<config::Value> all;
};
// What somebody expects: only the keys that are written; null is "absent". One entry for each signal that is mentioned.
Result<std::vector<Items>> read_expected(const config::Value& expect, Moment& moment);
std::vector<config::Value> items_of(otlp::Batch& batch);

}  // namespace weir::app::scenario
