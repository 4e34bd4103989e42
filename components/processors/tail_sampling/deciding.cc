// What becomes of traces that wait.
#include "components/processors/tail_sampling/tail_sampling.h"

namespace weir::processors::tail_sampling {
namespace {

using engine::Out;
using engine::Reason;

// Traces that are due come in rounds this far apart: one wake-up for many.
constexpr Duration round_length = 100ms;

// Decisions in one round; what is left comes after others had their turn.
constexpr std::size_t round_decisions = 5000;

// Of so many decisions one is timed, policy by policy.
constexpr std::uint64_t timed_share = 64;

}  // namespace

// What an earlier process decided. A trace of which spans have come again by now is not decided a second time.
void TailSampling::recall(std::span<const decisions::Decision> made, Duration age, Out& out) {
  begin(out);
  for (const decisions::Decision& one : made) {
    PendingTrace* waits = traces_.recall(one.id, one.kept, now_ - age);
    if (waits == nullptr) continue;
    if (one.kept) keep(*waits);
    else reject(*waits, Reason::late, out);
  }
  finish(out);
}

// Waiting traces are what can be given up when memory is short: the oldest are decided, a sixteenth at a time, so that
// what was dropped and delivered shows before more is given up. Not while something behind is full: new input is refused
// then anyway, and what is kept would only move on to wait there.
void TailSampling::relieve(Out& out) {
  leaving_.spill(spans_);
  // A quarter is what a request may need to be let in.
  bool short_of_memory = budget_.closed() || budget_.used() > budget_.limit() / 4 * 3;
  if (!short_of_memory || now_ < relieved_ + round_length || out.congested()) return;
  relieved_ = now_;
  std::size_t enough = bytes_ - bytes_ / 16;
  while (bytes_ >= enough && traces_.waiting() > 0) decide_early(*traces_.oldest(), Early::memory, out);
}

void TailSampling::tick(TimePoint now, Out& out) {
  begin(out);
  decide_due(now, out);
  relieve(out);
  leaving_.flush();
  finish(out);
  metrics_.timer_took(out.now() - now_);
}

// Of a trace whose turn comes soon. Traces that came together lie one behind the other: so, most likely, do those after it.
void TailSampling::look_ahead(const PendingTrace& trace) const {
  traces_.prefetch(trace.facts.id);
  trace.spans.prefetch();
  const char* next = reinterpret_cast<const char*>(&trace) + 6 * trace.own_bytes();
  for (std::size_t at = 0; at < sizeof trace; at += 64) weir::prefetch(next + at);
}

void TailSampling::decide_due(TimePoint now, Out& out) {
  std::size_t left = round_decisions;
  auto decide_until = [&](auto& list, Duration wait) {
    PendingTrace* ahead = list.front();
    for (int i = 0; i < 8 && ahead; ++i) ahead = list.after(*ahead);
    for (PendingTrace* trace; left > 0 && (trace = list.front()) && now - list.since(*trace) >= wait; --left) {
      if (ahead) {
        look_ahead(*ahead);
        ahead = list.after(*ahead);
      }
      decide(*trace, out);
    }
  };
  decide_until(traces_.by_first(), std::max<Duration>(config_.decision_wait, 1s));
  decide_until(traces_.by_root(), config_.decision_wait_after_root_received);
  decide_until(traces_.by_last(), config_.decision_wait_idle);
  if (left == 0) out.wake_at(now + 1ms);
}

void TailSampling::drain(Out& out) {
  draining_ = true;
  if (hold_) hold_->drain();
  begin(out);
  while (PendingTrace* trace = traces_.oldest()) {
    if (config_.drop_pending_traces_on_shutdown)
      reject(*trace, Reason::shutdown, out);
    else
      decide(*trace, out);
  }
  finish(out);
  if (decision_log_) decision_log_->flush();
}

void TailSampling::abandon(Out&) {
  if (!hold_) return;
  hold_->abandon();
  leaving_.abandon();
}

void TailSampling::decide(PendingTrace& trace, Out& out) {
  Decision decision = Decision::not_sampled;
  if (config_.sampling_strategy == Strategy::span_ingest)
    metrics_.decided_without_policies(decision);
  else
    decision = ask(trace.facts, out).decision;
  if (decision == Decision::sampled)
    keep(trace);
  else
    reject(trace, Reason::sampled_out, out);
}

void TailSampling::decide_early(PendingTrace& trace, Early why, Out& out) {
  metrics_.early(why);
  pressed_ = now_;
  decide(trace, out);
}

Policies::Verdict TailSampling::ask(const Facts& facts, Out& out) {
  Moment moment{now_, wall_};
  Policies::Verdict verdict;
  if (decisions_++ % timed_share != 0) {
    verdict = policies_->decide(facts, moment);
  } else {
    TimePoint began = out.now();
    std::size_t asked = SIZE_MAX;
    Policies::Timed timed = [&](std::size_t policy) {
      TimePoint now = out.now();
      if (asked != SIZE_MAX) metrics_.policy_took(asked, now - began, timed_share);
      asked = policy;
      began = now;
    };
    verdict = policies_->decide(facts, moment, &timed);
    if (asked != SIZE_MAX) metrics_.policy_took(asked, out.now() - began, timed_share);
  }
  metrics_.decided(verdict, facts);
  return verdict;
}

void TailSampling::keep(PendingTrace& trace) {
  bytes_ -= trace.bytes();
  held_ -= trace.facts.spans;
  HeldSpans spans = trace.spans.take();
  std::size_t count = trace.facts.spans;
  TimePoint since = trace.from_first.since;
  bytes_ += trace.bytes();
  forget(trace, true);
  leaving_.add(std::move(spans), count, since);
}

void TailSampling::reject(PendingTrace& trace, Reason reason, Out& out) {
  held_ -= trace.facts.spans;
  out.count_dropped(trace.facts.spans, reason);
  trace.spans.each_run([&](Surroundings& around, std::string_view, std::uint32_t) { surroundings_.release(around); });
  forget(trace, false);
}

void TailSampling::forget(PendingTrace& trace, bool kept) {
  decided_.push_back({trace.facts.id, kept});
  metrics_.removed(now_ - trace.from_first.since);
  bytes_ -= trace.bytes();
  cell_bytes_ -= trace.cell_bytes();
  traces_.decide(trace, kept, now_);
}

void TailSampling::finish(Out& out) {
  leaving_.fetch_next();
  // Decisions that are forced come with every request, a few at a time: they go on together, at the end of the round.
  if (draining_ || now_ >= pressed_ + round_length) leaving_.flush();
  for (Surroundings* around : leases_) surroundings_.release(*around);
  leases_.clear();
  if (hold_ && leaving_.empty()) {
    const PendingTrace* oldest = traces_.oldest();
    TimePoint left = oldest ? oldest->from_first.since : TimePoint::max();
    hold_->left_before(std::min(left, leaving_.oldest()));
  }
  if (!decided_.empty()) board_.publish(decided_, now_);
  if (decision_log_) decision_log_->add(decided_);
  decided_.clear();
  auto waiting = static_cast<std::int64_t>(traces_.waiting());
  if (waiting != counted_) shared_->waiting.fetch_add(waiting - counted_, std::memory_order_relaxed);
  counted_ = waiting;
  std::size_t bytes = memory_.bytes() + spans_.bytes() + cell_bytes_ + traces_.bytes() + surroundings_.bytes();
  if (bytes > charge_.bytes()) charge_.grow_unchecked(bytes - charge_.bytes());
  charge_.shrink_to(bytes);
  if (auto* exemplars = policies_->exemplars()) metrics_.cell_overflow.add(exemplars->take_overflow());
  metrics_.in_memory.set(static_cast<double>(waiting));
  metrics_.bytes_in_memory.set(static_cast<double>(bytes));
  // Rounded up, so that cores and processors wake together.
  auto next = (now_.time_since_epoch() + round_length) / round_length * round_length;
  if (waiting > 0 || !leaving_.empty()) out.wake_at(TimePoint(next));
  if (waiting == 0 && leaving_.empty()) leaving_.mark_dense(false);
}

}  // namespace weir::processors::tail_sampling
