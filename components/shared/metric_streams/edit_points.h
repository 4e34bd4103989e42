#pragma once
// A processor's walk over the data points of a batch.
#include "components/shared/metric_streams/stream_id.h"
#include "engine/out.h"

namespace weir::metric_streams {

// What becomes of a point: it stays; it lives on in a state (consumed); or it is dropped with a reason.
class Fate {
 public:
  static Fate keep() { return {Kind::keep, {}}; }
  static Fate consume() { return {Kind::consume, {}}; }
  static Fate drop(engine::Reason reason) { return {Kind::drop, reason}; }

  bool stays() const { return kind_ == Kind::keep; }
  void count(engine::Out& out) const {
    if (kind_ == Kind::consume) out.count_consumed(1);
    if (kind_ == Kind::drop) out.count_dropped(1, reason_);
  }

 private:
  enum class Kind : std::uint8_t { keep, consume, drop };
  Fate(Kind kind, engine::Reason reason) : kind_(kind), reason_(reason) {}
  Kind kind_;
  engine::Reason reason_;
};

// Pushes on what is left of a batch after a walk that took items out of it (`changed`) and counted each.
inline void push_rest(engine::Batch batch, engine::Out& out, bool changed) {
  if (changed) batch.prune();
  if (changed && batch.empty()) return out.drop(std::move(batch), engine::Reason::filtered);  // nothing is left to be counted
  out.push(std::move(batch));
}

// Calls fate(metric, point, ids) for each point of the metrics that wants(metric) is true for, and done(metric, ids) after the last one
// of each, with the points that are left; it may add some. Then pushes the batch on.
template <class Wants, class FateOf, class Done>
void edit_points(engine::Batch batch, engine::Out& out, Wants wants, FateOf fate, Done done) {
  Arena& arena = batch.arena();
  StreamHasher hasher;
  bool changed = false;
  for (auto& group : batch.groups()) {
    hasher.resource(group.resource.read(arena));
    for (auto& scope : group.scopes) {
      hasher.scope(scope.scope.read(arena));
      std::erase_if(scope.items, [&](otlp::Item& item) {
        if (!wants(item.read<otlp::Metric>(arena))) return false;
        auto& metric = item.edit<otlp::Metric>(arena);
        hasher.metric(metric);
        std::size_t gone = metric.points.erase_if([&](otlp::DataPoint& point) {
          Fate what = fate(metric, point, std::as_const(hasher));
          what.count(out);
          return !what.stays();
        });
        done(metric, std::as_const(hasher));
        item.points = static_cast<std::uint32_t>(metric.points.size());
        changed = changed || gone > 0;
        return gone > 0 && metric.points.empty();
      });
    }
  }
  push_rest(std::move(batch), out, changed);
}

}  // namespace weir::metric_streams
