#pragma once
// What is gathered of a trace while its spans arrive, so that a decision needs no second look at them.
#include <bitset>

#include "base/time.h"
#include "otlp/model.h"

namespace weir::processors::tail_sampling {

// Conditions ("a span has status ERROR", ...) that policies are made of, at most this many in one processor.
inline constexpr std::size_t max_conditions = 256;
using Conditions = std::bitset<max_conditions>;

struct Facts {
  otlp::TraceId id;
  std::uint64_t spans = 0;
  std::uint64_t bytes = 0, bytes_framed = 0;        // see TraceSize; 0 when no policy asks
  std::uint64_t first_start = 0, last_end = 0;      // 0: none yet
  Conditions seen;                                  // conditions that held for a span or resource
  std::vector<std::uint64_t> cells;                 // series and buckets that the spans count in, for `exemplars`
};

// When a decision is made.
struct Moment {
  TimePoint now;
  UnixNanos wall = 0;
};

}  // namespace weir::processors::tail_sampling
