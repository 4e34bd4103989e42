#pragma once
// weir's own metrics, log lines and spans as OTLP.
#include "base/log.h"
#include "base/rng.h"
#include "otlp/batch.h"
#include "telemetry/metrics.h"
#include "telemetry/spans.h"

namespace weir::app {

// service.name and what else describes this process.
using OwnResource = std::vector<std::pair<std::string, std::string>>;

// `since`: when counting began. With `previous` sums and histograms are what was added after it.
otlp::Batch metrics_batch(std::span<const telemetry::Family> families, std::span<const telemetry::Family> previous,
                          const OwnResource& resource, UnixNanos since, UnixNanos now);
otlp::Batch logs_batch(std::span<const log::Record> records, const OwnResource& resource);
// Every span gets a trace of its own.
otlp::Batch spans_batch(std::span<const telemetry::OwnSpan> spans, const OwnResource& resource, Rng& rng);

}  // namespace weir::app
