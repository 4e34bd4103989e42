#pragma once
// What one core knows of traces: those that wait, and decisions that outlive the spans.
#include <boost/unordered/unordered_flat_map.hpp>

#include "components/processors/tail_sampling/traces.h"
#include "otlp/id_hash.h"

namespace weir::processors::tail_sampling {

// Traces wait as long as the stage lets them; decisions are bounded by count, and the one not asked for longest is
// forgotten first.
class TraceTable {
 public:
  struct Known {
    PendingTrace* pending = nullptr;  // when it waits
    bool decided = false, kept = false;
    TimePoint when;                   // of the decision
  };

  // Traces that wait are in `memory`, as their spans.
  TraceTable(std::size_t kept, std::size_t rejected, Segments& memory, Rng& rng)
      : memory_(memory), traces_(0, otlp::IdHash(rng)), kept_(kept), rejected_(rejected) {}
  ~TraceTable();
  TraceTable(const TraceTable&) = delete;

  Known find(const otlp::TraceId& id);
  PendingTrace& add(const otlp::TraceId& id, TimePoint now);
  // The trace goes, its decision stays. What it held must have been taken or released.
  void decide(PendingTrace& trace, bool kept, TimePoint when);

  std::size_t waiting() const { return waiting_; }
  PendingTrace* oldest() const { return by_first_.front(); }

  // Lists of those that wait, earliest first.
  TraceList<&PendingTrace::by_first>& by_first() { return by_first_; }
  TraceList<&PendingTrace::by_last>& by_last() { return by_last_; }
  TraceList<&PendingTrace::by_root>& by_root() { return by_root_; }

 private:
  struct Entry {
    PendingTrace* pending;  // null: decided
    std::uint32_t place;    // in its ring
    bool kept;
  };
  // Grows to its capacity, then the hand goes round; an entry asked for since it last came by gets another round.
  struct Ring {
    struct Decided {
      otlp::TraceId id;
      TimePoint when;
      bool asked;
    };
    explicit Ring(std::size_t n) : capacity(std::max<std::size_t>(1, n)) {}
    std::size_t capacity, hand = 0;
    std::vector<Decided> entries;
  };
  std::uint32_t remember(Ring& ring, const otlp::TraceId& id, TimePoint when);
  static void destroy(PendingTrace& trace);

  Segments& memory_;
  boost::unordered_flat_map<otlp::TraceId, Entry, otlp::IdHash, otlp::IdEqual> traces_;
  Ring kept_, rejected_;
  std::size_t waiting_ = 0;
  TraceList<&PendingTrace::by_first> by_first_;
  TraceList<&PendingTrace::by_last> by_last_;
  TraceList<&PendingTrace::by_root> by_root_;
};

}  // namespace weir::processors::tail_sampling
