#pragma once
// Spans that become exemplars if a sampler keeps their trace. On one core.
#include "components/connectors/spanmetrics/series.h"
#include "components/shared/decisions/decisions.h"

namespace weir::connectors::spanmetrics {

struct CandidateLimits {
  std::size_t per_point = 5;  // exemplars of a data point
  std::size_t waiting = 1;    // candidates in all
  Duration max_wait{};
};

// Bounded three times: in all, in time, and for each series and duration class, so that a busy series leaves room for
// others and fast spans leave room for slow ones, which samplers like to keep.
class Candidates {
 public:
  explicit Candidates(const CandidateLimits& limits) : limits_(limits) {}

  // Whether the series still wants exemplars for the next flush.
  bool wanted(const Series& series) const { return series.exemplars.size() < limits_.per_point; }
  // False when there is no room.
  bool offer(Series& series, const ExemplarSpan& span, DurationClass duration, TimePoint now);
  // Asks the board about all of them: those of kept traces become exemplars of their series, those of dropped traces
  // and those that waited too long go.
  void review(const decisions::Board& board, TimePoint now);
  // A series that goes: lives until no candidate points to it.
  void discard(std::unique_ptr<Series> series) {
    if (series->waiting) buried_.push_back(std::move(series));
  }

  std::size_t size() const { return waiting_.size(); }
  bool empty() const { return waiting_.empty(); }

 private:
  struct Waiting {
    ExemplarSpan span;
    Series* series;
    TimePoint since;
    DurationClass duration;
  };

  CandidateLimits limits_;
  std::vector<Waiting> waiting_;  // oldest first
  std::vector<std::unique_ptr<Series>> buried_;
};

}  // namespace weir::connectors::spanmetrics
