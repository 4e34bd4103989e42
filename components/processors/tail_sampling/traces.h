#pragma once
// Spans of traces that are still undecided, on one core. Owned by the stage; bytes held here are charged to the memory
// budget until the trace is decided. A log on disk can take their place later: the stage only adds, takes and counts.
#include <boost/unordered/unordered_flat_map.hpp>

#include "components/processors/tail_sampling/policies.h"

namespace weir::processors::tail_sampling {

// Everything around spans that they share: one for each resource and scope, not one for each trace.
struct Surroundings {
  std::string resource, resource_schema_url, resource_unknown, scope, scope_schema_url, scope_unknown;
  Conditions conditions;  // that hold for the resource
  bool operator==(const Surroundings& o) const {
    return resource == o.resource && scope == o.scope && resource_schema_url == o.resource_schema_url &&
           scope_schema_url == o.scope_schema_url && resource_unknown == o.resource_unknown && scope_unknown == o.scope_unknown;
  }
};
using SharedSurroundings = std::shared_ptr<const Surroundings>;  // shared by the traces of this core that are in it

struct PendingTrace {
  Facts facts;
  TimePoint first, last, due;
  std::optional<TimePoint> root;  // when its root span came
  Charge charge;
  // Spans one after another as they stand in a ScopeSpans message, and where each run of equal surroundings ends.
  std::string spans;
  struct Run {
    SharedSurroundings around;
    std::size_t end;
  };
  std::vector<Run> runs;
};

// One copy of each resource and scope that is in use.
class SurroundingsTable {
 public:
  SharedSurroundings intern(otlp::ResourceGroup& group, otlp::ScopeGroup& scope, Policies& policies, Arena& arena);

 private:
  void sweep();
  boost::unordered_flat_map<std::uint64_t, std::vector<std::weak_ptr<const Surroundings>>> table_;
  std::size_t size_ = 0, sweep_at_ = 1024;
};

// Adds a span's bytes to a trace. Returns how many.
std::size_t append_span(PendingTrace& trace, const otlp::Item& item, const SharedSurroundings& around, otlp::Writer& scratch);

// The trace's spans as a batch; the trace is empty after it.
otlp::Batch to_batch(PendingTrace& trace);

// Decisions that outlive their traces, the oldest forgotten first.
class DecisionTable {
 public:
  explicit DecisionTable(std::size_t capacity) : order_(std::max<std::size_t>(1, capacity)) {}
  void add(const otlp::TraceId& id, UnixNanos when);
  // When it was decided, or null.
  const UnixNanos* find(const otlp::TraceId& id) const {
    auto at = known_.find(id);
    return at == known_.end() ? nullptr : &at->second;
  }

 private:
  boost::unordered_flat_map<otlp::TraceId, UnixNanos, std::hash<otlp::TraceId>> known_;
  std::vector<otlp::TraceId> order_;  // a ring
  std::size_t next_ = 0;
  bool full_ = false;
};

}  // namespace weir::processors::tail_sampling
