#include "components/processors/tail_sampling/trace_table.h"

namespace weir::processors::tail_sampling {

TraceTable::~TraceTable() {
  for (auto& [id, entry] : traces_)
    if (entry.pending) destroy(*entry.pending);
}

void TraceTable::destroy(PendingTrace& trace) {
  Segments::Segment* segment = trace.segment;
  trace.~PendingTrace();
  Segments::give_back(segment);
}

TraceTable::Known TraceTable::find(const otlp::TraceId& id) {
  auto at = traces_.find(id);
  if (at == traces_.end()) return {};
  Entry& entry = at->second;
  if (entry.pending) return {.pending = entry.pending};
  auto& decided = (entry.kept ? kept_ : rejected_).entries[entry.place];
  decided.asked = true;
  return {.decided = true, .kept = entry.kept, .when = decided.when};
}

PendingTrace& TraceTable::add(const otlp::TraceId& id, TimePoint now) {
  static_assert(alignof(PendingTrace) <= Segments::alignment);
  Segments::Piece piece = memory_.take(sizeof(PendingTrace));
  auto* trace = new (piece.at) PendingTrace;
  trace->segment = piece.segment;
  trace->facts.id = id;
  trace->first = trace->last = now;
  traces_.emplace(id, Entry{trace, 0, false});
  by_first_.push_back(*trace);
  ++waiting_;
  return *trace;  // owned by traces_
}

void TraceTable::decide(PendingTrace& trace, bool kept, TimePoint when) {
  by_first_.remove(trace);
  by_last_.remove(trace);
  by_root_.remove(trace);
  --waiting_;
  std::uint32_t place = remember(kept ? kept_ : rejected_, trace.facts.id, when);
  traces_.find(trace.facts.id)->second = {nullptr, place, kept};
  destroy(trace);
}

std::uint32_t TraceTable::remember(Ring& ring, const otlp::TraceId& id, TimePoint when) {
  if (ring.entries.size() < ring.capacity) {
    ring.entries.push_back({id, when, false});
    return static_cast<std::uint32_t>(ring.entries.size() - 1);
  }
  while (std::exchange(ring.entries[ring.hand].asked, false)) ring.hand = (ring.hand + 1) % ring.capacity;
  auto& oldest = ring.entries[ring.hand];
  traces_.erase(oldest.id);
  oldest = {id, when, false};
  std::size_t place = ring.hand;
  ring.hand = (ring.hand + 1) % ring.capacity;
  return static_cast<std::uint32_t>(place);
}

}  // namespace weir::processors::tail_sampling
