#include "components/processors/tail_sampling/trace_table.h"

namespace weir::processors::tail_sampling {

TraceTable::~TraceTable() {
  while (PendingTrace* trace = by_first_.front()) {
    by_first_.remove(*trace);
    destroy(*trace);
  }
}

void TraceTable::destroy(PendingTrace& trace) {
  Segments::Segment* segment = trace.segment;
  trace.~PendingTrace();
  Segments::give_back(segment);
}

const otlp::TraceId& TraceTable::id_at(Place place) {
  return place.kind() == waits ? place.as<PendingTrace>().facts.id : place.as<DecisionRing::Decided>().id;
}

TraceTable::Known TraceTable::find(const otlp::TraceId& id, TimePoint now) {
  Place place = table_.find(hash_(id), [&](Place at) { return otlp::IdEqual{}(id_at(at), id); });
  if (!place) return {};
  if (place.kind() == waits) return {.pending = &place.as<PendingTrace>()};
  auto& decided = place.as<DecisionRing::Decided>();
  decided.asked = true;
  return {.decided = true, .kept = place.kind() == was_kept, .age = DecisionRing::age(decided, now)};
}

void TraceTable::prefetch_known(const otlp::TraceId& id) const {
  Place place = table_.guess(hash_(id));
  if (!place) return;
  auto* at = &place.as<char>();
  weir::prefetch(at);
  if (place.kind() == waits) weir::prefetch(at + 64), weir::prefetch(at + 128);
}

PendingTrace& TraceTable::add(const otlp::TraceId& id, TimePoint now) {
  static_assert(alignof(PendingTrace) <= Segments::alignment && std::is_trivially_destructible_v<MoreOfTrace>);
  Segments::Piece piece = memory_.take(sizeof(PendingTrace) + (more_ ? sizeof(MoreOfTrace) : 0));
  auto* trace = new (piece.at) PendingTrace;
  if (more_) new (&trace->more()) MoreOfTrace;
  trace->has_more = more_;
  trace->segment = piece.segment;
  trace->facts.id = id;
  table_.insert(hash_(id), Place(trace, waits), [this](Place at) { return hash_(id_at(at)); });
  by_first_.push_back(*trace, now);
  ++waiting_;
  return *trace;  // owned by by_first_
}

PendingTrace* TraceTable::recall(const otlp::TraceId& id, bool kept, TimePoint when) {
  Place place = table_.find(hash_(id), [&](Place at) { return otlp::IdEqual{}(id_at(at), id); });
  if (place) return place.kind() == waits ? &place.as<PendingTrace>() : nullptr;
  auto& decided = remember(id, kept, when);
  table_.insert(hash_(id), Place(&decided, kept ? was_kept : was_rejected), [this](Place at) { return hash_(id_at(at)); });
  return nullptr;
}

void TraceTable::decide(PendingTrace& trace, bool keep, TimePoint when) {
  by_first_.remove(trace);
  if (more_) by_last_.remove(trace), by_root_.remove(trace);
  --waiting_;
  auto& decided = remember(trace.facts.id, keep, when);
  table_.replace(hash_(trace.facts.id), Place(&trace, waits), Place(&decided, keep ? was_kept : was_rejected));
  destroy(trace);
}

DecisionRing::Decided& TraceTable::remember(const otlp::TraceId& id, bool keep, TimePoint when) {
  constexpr std::size_t ahead = 8;
  DecisionRing& ring = keep ? kept_ : rejected_;
  if (auto* later = ring.going(ahead)) table_.prefetch(hash_(later->id));
  return ring.remember(id, when, [&](DecisionRing::Decided& oldest) { table_.erase(hash_(oldest.id), Place(&oldest, keep ? was_kept : was_rejected)); });
}

}  // namespace weir::processors::tail_sampling
