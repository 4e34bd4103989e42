#pragma once
// Pre-encoded OTLP requests that look like a shop's: about 350 B a span, 7 attributes each.
#include "base/rng.h"
#include "otlp/batch.h"

namespace weir::bench {

struct Shape {
  otlp::Signal signal = otlp::Signal::traces;
  int items = 500;           // spans, data points or log records in a request
  int spans_per_trace = 5;   // spread over consecutive requests when larger than a request
};

// One request. Trace ids are random; the spans of one trace have a parent and one of them the service "frontend".
Bytes make_request(const Shape& shape, Rng& rng);

// Byte offsets of the trace ids in a request, for giving a body new ids without encoding it again. Equal ids have equal
// numbers in `traces`.
struct TraceIds {
  std::vector<std::size_t> offsets;
  std::vector<std::uint32_t> traces;
};
TraceIds find_trace_ids(std::string_view request);
// The request with other ids, random by `base`.
Bytes with_fresh_ids(std::string_view request, const TraceIds& ids, std::uint64_t base);

}  // namespace weir::bench
