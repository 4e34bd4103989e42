#pragma once
// A trace that waits for its decision: what is known of it and the bytes of its spans.
#include "base/prefetch.h"
#include "components/processors/tail_sampling/policies.h"
#include "components/shared/holding/held_spans.h"

namespace weir::processors::tail_sampling {

using holding::HeldSpans;
using holding::Segments;
using holding::Surroundings;
using holding::SurroundingsTable;

// What policies know of a resource, beside its bytes.
struct KnownSurroundings : Surroundings {
  Conditions conditions;  // that hold for the resource
  ExemplarPolicy::OfResource exemplars;
};

// A trace's size as the collector counts it: each part of a request as a ResourceSpans message of its own.
class TraceSize {
 public:
  // `piece` and `scope` number the ResourceSpans and ScopeSpans messages that the span came in.
  void add(std::uint64_t piece, std::uint64_t scope, std::size_t resource_bytes, std::size_t scope_bytes, std::size_t span_bytes);
  std::uint64_t bytes() const { return closed_ + piece_bytes(); }
  // With a tag and length around each.
  std::uint64_t framed() const { return closed_framed_ + (piece_ ? HeldSpans::framed(piece_bytes()) : 0); }

 private:
  std::uint64_t piece_bytes() const { return closed_scopes_ + (scope_bytes_ ? HeldSpans::framed(scope_bytes_) : 0); }
  std::uint64_t piece_ = 0, scope_ = 0;
  std::uint64_t closed_ = 0, closed_framed_ = 0;  // earlier pieces
  std::uint64_t closed_scopes_ = 0, scope_bytes_ = 0;
};

struct PendingTrace;

// A trace's place in a list of those that wait equally long since a time.
struct Waits {
  static constexpr TimePoint not_listed = TimePoint::min();
  TimePoint since = not_listed;
  PendingTrace *before = nullptr, *after = nullptr;
};

// What only some configurations need of a trace.
struct MoreOfTrace {
  Waits from_last, from_root;
  TraceSize size;
  std::uint64_t piece = 0;  // that the facts are about, when decisions are made while spans come
};

// Three cache lines: it lies in memory longer than caches remember, and many of them do.
struct PendingTrace {
  Facts facts;
  HeldSpans spans;
  Waits from_first;
  Segments::Segment* segment = nullptr;  // that it lies in

  // What the running batch brings: arrivals by number, their runs of equal surroundings, bytes when framed (0: nothing yet).
  std::uint32_t first_arrival = 0, last_arrival = 0;
  std::uint32_t incoming = 0, incoming_runs = 0;

  Decision decision = Decision::pending;  // made while the batch that brought it is still being read
  bool has_more = false;                  // right behind it

  MoreOfTrace& more() { return *reinterpret_cast<MoreOfTrace*>(this + 1); }
  std::size_t own_bytes() const { return sizeof(PendingTrace) + (has_more ? sizeof(MoreOfTrace) : 0); }
  std::size_t cell_bytes() const { return facts.cells.capacity() * sizeof(std::uint64_t); }
  std::size_t bytes() const { return own_bytes() + spans.bytes() + cell_bytes(); }

  static Waits& first_of(PendingTrace& trace) { return trace.from_first; }
  static Waits& last_of(PendingTrace& trace) { return trace.more().from_last; }
  static Waits& root_of(PendingTrace& trace) { return trace.more().from_root; }
};

static_assert(sizeof(PendingTrace) <= 3 * 64);

// Traces in the order of a time that all of them wait from equally long.
template <Waits& (*Of)(PendingTrace&)>
class TraceList {
 public:
  PendingTrace* front() const { return front_; }
  static PendingTrace* after(PendingTrace& trace) { return Of(trace).after; }
  static TimePoint since(PendingTrace& trace) { return Of(trace).since; }
  static bool has(PendingTrace& trace) { return since(trace) != Waits::not_listed; }

  // Goes to the end, from wherever it is.
  void push_back(PendingTrace& trace, TimePoint since) {
    remove(trace);
    Of(trace) = {since, back_, nullptr};
    (back_ ? Of(*back_).after : front_) = &trace;
    back_ = &trace;
  }
  void remove(PendingTrace& trace) {
    if (!has(trace)) return;
    Waits& waits = Of(trace);
    (waits.before ? Of(*waits.before).after : front_) = waits.after;
    (waits.after ? Of(*waits.after).before : back_) = waits.before;
    waits = {};
  }

 private:
  PendingTrace *front_ = nullptr, *back_ = nullptr;
};

}  // namespace weir::processors::tail_sampling
