#include "components/processors/tail_sampling/policies.h"

namespace weir::processors::tail_sampling {

Policies::Verdict Policies::decide(const Facts& facts, const Moment& moment, const Timed* timed) {
  Verdict out;
  std::size_t last = policies_.size() - (exemplars_ ? 1 : 0);
  for (std::size_t i = 0; i < last; ++i) {
    ++out.asked;
    if (timed) (*timed)(i);
    Vote vote = policies_[i].evaluator->vote(facts, moment);
    out.failed[i] = vote == Vote::failed;
    if (vote != Vote::yes) continue;
    out.yes.set(i);
    if (policies_[i].drops) {
      out.decision = Decision::dropped;
      return out;
    }
    if (out.decision != Decision::sampled) out.sampled_by = i;
    out.decision = Decision::sampled;
    if (first_match_) break;
  }
  if (exemplars_) ask_exemplars(facts, moment, timed, out);
  return out;
}

// What is kept anyway covers its points of the metrics; what is not is kept when it would be the first at one of them.
void Policies::ask_exemplars(const Facts& facts, const Moment& moment, const Timed* timed, Verdict& out) {
  std::size_t at = policies_.size() - 1;
  bool kept = out.decision == Decision::sampled;
  if (timed && !kept) (*timed)(at);
  bool first = exemplars_->claim(facts, moment.now);
  if (kept) return;
  out.asked = policies_.size();
  if (!first) return;
  out.yes.set(at);
  out.sampled_by = at;
  out.decision = Decision::sampled;
}

// A drop policy that does not hold yet may hold later, so nothing can be sampled before the end as long as there is one.
Policies::Verdict Policies::decide_on_ingest(const Facts& facts, const Moment& moment) {
  Verdict out{.decision = Decision::pending};
  bool may_drop = false;  // a policy that drops could still do so when more spans come
  for (std::size_t i = 0; i < policies_.size(); ++i) {
    if (may_drop && !policies_[i].drops) break;
    ++out.asked;
    Vote vote = policies_[i].evaluator->vote(facts, moment);
    out.failed[i] = vote == Vote::failed;
    if (vote != Vote::yes) {
      may_drop |= policies_[i].drops && vote != Vote::failed;
      continue;
    }
    out.yes.set(i);
    out.sampled_by = i;
    out.decision = policies_[i].drops ? Decision::dropped : Decision::sampled;
    return out;
  }
  return out;
}

}  // namespace weir::processors::tail_sampling
