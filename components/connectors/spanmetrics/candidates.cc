#include "components/connectors/spanmetrics/candidates.h"

namespace weir::connectors::spanmetrics {
namespace {

// A sampler that keeps one trace in a hundred leaves a series with two exemplars in three rounds of decisions, over the
// six or seven classes that its durations are spread over.
constexpr std::uint8_t most_in_class = 32;

}  // namespace

bool Candidates::offer(Series& series, const ExemplarSpan& span, DurationClass duration, TimePoint now) {
  if (waiting_.size() >= limits_.waiting || series.waiting_in[duration] >= most_in_class) return false;
  ++series.waiting;
  ++series.waiting_in[duration];
  waiting_.push_back({span, &series, now, duration});
  return true;
}

void Candidates::review(const decisions::Board& board, TimePoint now) {
  auto settled = [&](Waiting& candidate) {
    decisions::Verdict verdict = board.find(candidate.span.trace);
    if (verdict == decisions::Verdict::unknown && now - candidate.since < limits_.max_wait) return false;
    Series& series = *candidate.series;
    if (verdict == decisions::Verdict::kept && wanted(series)) series.exemplars.push_back(candidate.span);
    --series.waiting;
    --series.waiting_in[candidate.duration];
    return true;
  };
  std::erase_if(waiting_, settled);
  std::erase_if(buried_, [](auto& series) { return series->waiting == 0; });
}

}  // namespace weir::connectors::spanmetrics
