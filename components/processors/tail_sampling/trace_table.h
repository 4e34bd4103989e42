#pragma once
// What one core knows of traces: those that wait, and decisions that outlive the spans.
#include "components/processors/tail_sampling/decision_ring.h"
#include "components/processors/tail_sampling/traces.h"
#include "otlp/id_hash.h"
#include "otlp/id_table.h"

namespace weir::processors::tail_sampling {

// Traces wait as long as the stage lets them; decisions are bounded by count, and the one not asked for longest is
// forgotten first. Most look-ups are of memory that nobody touched for a while: whoever knows which ones are to come says
// so with prefetch().
class TraceTable {
 public:
  struct Known {
    PendingTrace* pending = nullptr;  // when it waits
    bool decided = false, kept = false;
    Duration age{};                   // of the decision
  };

  // Traces that wait are in `memory`, as their spans; each with MoreOfTrace if `more`, otherwise only by_first() may be used.
  TraceTable(std::size_t kept, std::size_t rejected, bool more, Segments& memory, Rng& rng)
      : more_(more), memory_(memory), hash_(rng), kept_(kept), rejected_(rejected) {}
  ~TraceTable();
  TraceTable(const TraceTable&) = delete;

  Known find(const otlp::TraceId& id, TimePoint now);
  // Some look-ups before find(), then again a few before.
  void prefetch(const otlp::TraceId& id) const { table_.prefetch(hash_(id)); }
  void prefetch_known(const otlp::TraceId& id) const;

  PendingTrace& add(const otlp::TraceId& id, TimePoint now);
  // A decision that was made before this process. The trace, when it waits here: nothing is changed then.
  PendingTrace* recall(const otlp::TraceId& id, bool kept, TimePoint when);
  // The trace goes, its decision stays. What it held must have been taken or released.
  void decide(PendingTrace& trace, bool kept, TimePoint when);

  std::size_t waiting() const { return waiting_; }
  PendingTrace* oldest() const { return by_first_.front(); }
  // Of decisions and look-ups; waiting traces themselves are in their segments.
  std::size_t bytes() const { return table_.bytes() + kept_.bytes() + rejected_.bytes(); }

  // Lists of those that wait, earliest first.
  TraceList<&PendingTrace::first_of>& by_first() { return by_first_; }
  TraceList<&PendingTrace::last_of>& by_last() { return by_last_; }
  TraceList<&PendingTrace::root_of>& by_root() { return by_root_; }

 private:
  using Place = otlp::IdTable::Place;
  enum Kind : unsigned { waits, was_kept, was_rejected };  // of a place: a PendingTrace, a DecisionRing::Decided

  static const otlp::TraceId& id_at(Place place);
  DecisionRing::Decided& remember(const otlp::TraceId& id, bool kept, TimePoint when);
  static void destroy(PendingTrace& trace);

  bool more_;
  Segments& memory_;
  otlp::IdHash hash_;
  otlp::IdTable table_;
  DecisionRing kept_, rejected_;
  std::size_t waiting_ = 0;
  TraceList<&PendingTrace::first_of> by_first_;
  TraceList<&PendingTrace::last_of> by_last_;
  TraceList<&PendingTrace::root_of> by_root_;
};

}  // namespace weir::processors::tail_sampling
